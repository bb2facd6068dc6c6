/** One release: its components and files: `/releases/$name/$version`. */
import { useState } from "react";

import { Anchor, Button, Card, Checkbox, Group, Stack, Text, Title } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";

import { quoted } from "../../api/query";
import { keyOf, path, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { GoButton, useGo, usePart } from "../../kit/nav";
import { Digest, Held, Loaded, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Dialog } from "../../ui/Dialog";
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
          {may("release.write") ? <Delete it={it} target={target} /> : null}
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

/** Deletes it, and with it what would keep its name from being used again. */
function Delete({ it, target }: { it: Release; target: string }) {
  const [open, setOpen] = useState(false);
  // A rollout that is made meanwhile does not take an open dialog away: the server's refusal is said in it.
  return (
    <>
      {it.openJob != null ? (
        <Held
          label="Delete"
          why={`Rollout no. ${it.openJob} installs it and is not over: cancel that or let it end.`}
        />
      ) : (
        <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
          Delete
        </Button>
      )}
      <Dialog opened={open} onClose={() => setOpen(false)} title="Delete this release?">
        <DeleteForm it={it} target={target} done={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

function DeleteForm({ it, target, done }: { it: Release; target: string; done: () => void }) {
  const go = useGo();
  const [wanted, setWanted] = useState(true);
  const own = useOwnComponents(it);
  const remove = useAct<void, unknown>(
    () => request("DELETE", target, { query: { componentsToo: (wanted && own.length > 0) || undefined } }),
    [path("releases"), path("jobs"), path("artifacts"), path("components")],
    () => go("/releases"),
  );
  return (
    <SaveForm save={remove} shown={[]} label="Delete" danger cancel={done}>
      <Text size="sm">It goes for good. {usedByRollouts(it.jobs)} No device can be brought back to it.</Text>
      {own.length > 0 ? (
        <Checkbox
          label={`Also ${own.map((one) => `component ${one.name} ${one.version} (${one.type})`).join(", ")}`}
          description={`No other release has ${own.length === 1 ? "it" : "them"}. While ${own.length === 1 ? "it stays, its name and version" : "they stay, their names and versions"} cannot be given to other files. The files themselves stay, under Files.`}
          checked={wanted}
          onChange={(event) => setWanted(event.currentTarget.checked)}
        />
      ) : null}
    </SaveForm>
  );
}

/** The components of a release that no other release has. */
function useOwnComponents(it: Release): Schemas["Component"][] {
  const found = useQueries({
    queries: it.components.map(({ name, version, type }) => {
      const target = path("components", name, version);
      const query = type ? { type } : {};
      return {
        queryKey: keyOf(target, query),
        queryFn: () => request<Schemas["Component"]>("GET", target, { query }),
      };
    }),
  });
  return found.flatMap(({ data }) => (data?.releases?.length === 1 ? [data] : []));
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
