/** What a file says of itself and who signed it, as the server found when it was uploaded. */
import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "../../kit/api";
import { Go } from "../../kit/nav";
import { bytes, count, sentence } from "../../ui/format";
import { Facts } from "../../ui/Page";
import { Status, type Tone } from "../../ui/Status";
import { Time } from "../../ui/Time";

type Content = Schemas["ArtifactContent"];

const FORMATS: Record<Content["format"], string> = {
  plain: "no known format",
  swupdate: "SWUpdate image",
  rauc: "RAUC bundle",
  zchunk: "zchunk: devices fetch only what they lack",
};

const SIGNATURES: Record<Content["signature"], [Tone, string]> = {
  none: ["off", "not signed"],
  valid: ["good", "signed"],
  untrusted: ["warn", "signed by somebody who is not trusted"],
  unknownSigner: ["warn", "signed with an unknown key"],
  unreadable: ["warn", "signature cannot be judged"],
};

/** The signature in a few words, with the signer's name. */
export function SignatureOf({ content }: { content: Content }) {
  const [tone, said] = SIGNATURES[content.signature];
  return <Status tone={tone}>{content.signedBy ? `${said}: ${content.signedBy}` : said}</Status>;
}

/** By whose rule a valid signature is trusted. */
export const trustedBy = ({ trustedByTenant, trustedByTypes }: Content) =>
  [
    ...(trustedByTenant ? ["the tenant’s signers"] : []),
    ...(trustedByTypes ?? []).map((it) => `type ${it}`),
  ].join(", ");

export function ContentFacts({ content }: { content: Content }) {
  const facts: [string, ReactNode][] = [
    ["Format", FORMATS[content.format]],
    ["Version", content.version],
    ["For hardware", (content.compatible ?? []).join(", ")],
    ["Installs", (content.components ?? []).map((part) => `${part.name} ${part.version}`).join(", ")],
    ["Signature", <SignatureOf key="signature" content={content} />],
    ["Trusted by", trustedBy(content)],
    ["Signer’s certificate ends", content.notAfter ? <Time key="until" at={content.notAfter} /> : null],
    [
      "Delta",
      content.zchunk
        ? `${count(content.zchunk.chunks)} chunks of ${bytes(content.zchunk.unpackedSize)} unpacked, header of ${bytes(content.zchunk.headerSize)}`
        : null,
    ],
  ];
  return (
    <>
      <Facts items={facts.filter(([, value]) => Boolean(value))} />
      {content.reason ? (
        <Text size="sm" c="dimmed" className="anywhere">
          {sentence(content.reason)}
          {content.signature === "untrusted" || content.signature === "unknownSigner" ? (
            <>
              {" "}
              Whom devices trust is said by their <Go to="/types">type</Go>, or for all of them under{" "}
              <Go to="/settings?tab=artifacts">Server, Artifacts</Go>.
            </>
          ) : null}
        </Text>
      ) : null}
    </>
  );
}
