/** Who did what, and whether that record is whole: `/audit`. */
import { Button, Code, Group, Text } from "@mantine/core";

import { path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Digest, Empty, Listing, Screen, Trouble, Notice } from "../../kit/parts";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { counted } from "../../ui/format";

type AuditEntry = Schemas["AuditRecord"];
type Verification = Schemas["Verification"];

export function Audit() {
  const list = useList<AuditEntry>(path("audit"));
  const verify = useAct<void, Verification>(() => request("GET", path("audit", "verify")), []);
  return (
    <Screen
      title="Audit"
      about="Every change, written in the change’s own transaction, chained and signed."
      actions={
        <>
          <Button loading={verify.isPending} onClick={() => verify.mutate()}>
            Check the chain
          </Button>
          <Button component="a" variant="default" href={path("audit", "export")} download="audit.jsonl">
            Export
          </Button>
          <Button component="a" variant="default" href={path("audit", "key")} download="audit-key.json">
            Key
          </Button>
        </>
      }
    >
      <Trouble problem={verify.error} />
      {verify.data ? <Proof found={verify.data} /> : null}
      <Listing
        label="Audit records"
        list={list}
        keyOf={(it) => it.seq}
        columns={[
          { title: "No.", wide: true, cell: (it) => it.seq },
          { title: "When", cell: (it) => <Time at={it.at} /> },
          { title: "Who", cell: (it) => it.actor },
          { title: "Did", cell: (it) => it.action },
          { title: "To", cell: (it) => it.target },
          {
            title: "Details",
            wide: true,
            cell: (it) => {
              const text = JSON.stringify(it.details);
              return text === "{}" || text === "null" ? null : (
                <details>
                  <summary>
                    <Text span size="xs" c="dimmed">
                      show
                    </Text>
                  </summary>
                  <Code
                    block
                    style={{ whiteSpace: "pre-wrap", maxWidth: 420, maxHeight: 240, overflow: "auto" }}
                    tabIndex={0}
                  >
                    {JSON.stringify(it.details, null, 2)}
                  </Code>
                </details>
              );
            },
          },
          {
            title: "Proof",
            wide: true,
            cell: (it) =>
              it.hash ? <Digest value={it.hash} label="hash" /> : <Status tone="busy">being sealed</Status>,
          },
        ]}
        empty={<Empty title="Nothing yet">Whatever is changed appears here.</Empty>}
      />
    </Screen>
  );
}

function Proof({ found }: { found: Verification }) {
  return (
    <Notice
      role="status"
      color={found.intact ? "green" : "red"}
      title={found.intact ? "The record is whole" : "The record was changed"}
    >
      <Group gap="xs">
        <Text size="sm">
          {counted(found.records, "record")} and {counted(found.seals, "seal")} checked
          {found.unsealed > 0 ? `; ${counted(found.unsealed, "record")} wait for their seal` : ""}.
        </Text>
        {found.problem ? <Text size="sm">{found.problem}</Text> : null}
        {found.intact ? (
          <Text size="sm" c="dimmed">
            To check it without trusting this server: windlass audit verify audit.jsonl --key audit-key.pem
          </Text>
        ) : null}
      </Group>
    </Notice>
  );
}
