/** One release: its components and files: `/releases/$name/$version`. */
import { Anchor, Card, Group, Stack, Text, Title } from "@mantine/core";

import { quoted } from "../../api/query";
import { path, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { GoButton, useGo, usePart } from "../../kit/nav";
import { Confirmed, Digest, Loaded, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { bytes } from "../../ui/format";
import { Facts, Panel } from "../../ui/Page";
import { ContentFacts } from "./content";
import { LastingLink } from "./link";
import { usedByRollouts } from "./used";

type Artifact = Schemas["Artifact"];
type Release = Schemas["Release"];

export function ReleasePage() {
  const target = path("releases", usePart("name"), usePart("version"));
  const release = useRecord<Release>(target);
  return <Loaded record={release}>{(it) => <Shown it={it} target={target} />}</Loaded>;
}

function Shown({ it, target }: { it: Release; target: string }) {
  const may = useCan();
  const go = useGo();
  const remove = useAct<void, unknown>(
    () => request("DELETE", target),
    [path("releases"), path("jobs"), path("artifacts")],
    () => go("/releases"),
  );
  return (
    <Screen
      title={`${it.name} ${it.version}`}
      about={
        <>
          For {it.deviceTypes.join(", ") || "any type"}, made <Time at={it.createdAt} /> by {it.createdBy}
        </>
      }
      actions={
        <>
          {may("job.create") ? <GoButton to={rollOut(it)}>Roll out</GoButton> : null}
          {may("release.write") ? (
            <Confirmed label="Delete" title="Delete this release?" act={() => remove.mutateAsync()}>
              It goes for good. {usedByRollouts(it.jobs)} A release that a rollout under way uses stays.
            </Confirmed>
          ) : null}
        </>
      }
    >
      {it.notes ? <Text style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{it.notes}</Text> : null}
      <Rules rules={it.rules} />
      {it.components.map((component) => (
        <Component key={`${component.name} ${component.version} ${component.type}`} {...component} />
      ))}
    </Screen>
  );
}

/** The wizard, filled in: this release, for all devices of its types. */
function rollOut({ name, version, deviceTypes }: Release): string {
  const search = new URLSearchParams({ release: `${name}@${version}` });
  if (deviceTypes.length > 0) search.set("q", `type=in=(${deviceTypes.map(quoted).join(",")})`);
  return `/jobs/new?${search.toString()}`;
}

/** What devices must be before they may get it; nothing where any may. */
function Rules({ rules }: { rules: Release["rules"] }) {
  const facts: [string, string | null | undefined][] = [
    ["Hardware", rules.hardware?.join(", ")],
    ["Over versions from", rules.minimumSource],
    ["Over versions up to", rules.maximumSource],
    ["Only after", rules.step],
  ];
  const said = facts.flatMap(([name, value]): [string, string][] => (value ? [[name, value]] : []));
  if (said.length === 0) return null;
  return (
    <Panel title="Which devices may get it">
      <Facts items={said} />
    </Panel>
  );
}

function Component({ name, version, type }: Schemas["ComponentName"]) {
  const component = useRecord<Schemas["Component"]>(
    path("components", name, version),
    type ? { type } : undefined,
  );
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Title order={2} size="h4">
          {name} {version}
        </Title>
        <Trouble problem={component.error} />
        {component.data ? <Text c="dimmed">{component.data.type}</Text> : null}
        {component.data?.artifacts.map((file) => (
          <File key={file.id} file={file} />
        ))}
      </Stack>
    </Card>
  );
}

/** One file, with what was found in it. */
function File({ file }: { file: Artifact }) {
  const may = useCan();
  const whole = useRecord<Artifact>(path("artifacts", file.id));
  return (
    <Stack gap="xs">
      <Group gap="md">
        <Anchor
          href={path("artifacts", file.id, "content")}
          download={file.name}
          style={{ overflowWrap: "anywhere" }}
        >
          {file.name}
        </Anchor>
        <Text>{bytes(file.size)}</Text>
        <Digest value={file.sha256} />
        {may("artifact.write") ? <LastingLink artifact={file} /> : null}
      </Group>
      {whole.data?.content ? <ContentFacts content={whole.data.content} /> : null}
    </Stack>
  );
}
