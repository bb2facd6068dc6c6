/** One release: its components and files: `/releases/$name/$version`. */
import { Anchor, Card, Group, Stack, Text, Title } from "@mantine/core";

import { path, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { GoButton, useGo, usePart } from "../../kit/nav";
import { Confirmed, Digest, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { bytes } from "../../ui/format";

export function ReleasePage() {
  const name = usePart("name");
  const version = usePart("version");
  const may = useCan();
  const go = useGo();
  const target = path("releases", name, version);
  const release = useRecord<Schemas["Release"]>(target);
  const remove = useAct<void, unknown>(
    () => request("DELETE", target),
    [path("releases")],
    () => go("/releases"),
  );
  if (release.error) return <Trouble problem={release.error} />;
  if (!release.data) return null;
  const it = release.data;
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
          {may("job.create") ? (
            <GoButton to={`/jobs/new?release=${encodeURIComponent(`${it.name}@${it.version}`)}`}>
              Roll out
            </GoButton>
          ) : null}
          {may("release.write") ? (
            <Confirmed label="Delete" title="Delete this release?" act={() => remove.mutateAsync()}>
              It goes for good. A release that a rollout under way uses stays.
            </Confirmed>
          ) : null}
        </>
      }
    >
      {it.notes ? <Text style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{it.notes}</Text> : null}
      {it.components.map((component) => (
        <Component key={`${component.name} ${component.version}`} {...component} />
      ))}
    </Screen>
  );
}

function Component({ name, version }: Schemas["NameVersion"]) {
  const component = useRecord<Schemas["Component"]>(path("components", name, version));
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Title order={2} size="h4">
          {name} {version}
        </Title>
        <Trouble problem={component.error} />
        {component.data ? <Text c="dimmed">{component.data.type}</Text> : null}
        {component.data?.artifacts.map((file) => (
          <Group key={file.id} gap="md">
            <Anchor
              href={path("artifacts", file.id, "content")}
              download={file.name}
              style={{ overflowWrap: "anywhere" }}
            >
              {file.name}
            </Anchor>
            <Text>{bytes(file.size)}</Text>
            <Digest value={file.sha256} />
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
