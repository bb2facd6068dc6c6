/** The server itself: `/settings`. */
import { Anchor, Button, Card, Code, Group, SimpleGrid, Stack, Tabs, Text, Title } from "@mantine/core";

import { path, request, useAct, useRecord, type Schemas } from "../../kit/api";
import { useTabs } from "../../kit/nav";
import { Confirmed, Digest, Empty, Listing, Loaded, Screen, Trouble } from "../../kit/parts";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { span } from "../../kit/text";
import { bytes } from "../../ui/format";
import { ArtifactSettings } from "./artifacts";
import { HawkbitSettings } from "./hawkbit";
import { SimulatedDevices } from "./simulated";

type Checks = Schemas["Checks"];
type Server = Schemas["ServerInfo"];

export function Settings() {
  const tabs = useTabs("server", "checks", "backups", "artifacts", "hawkbit");
  return (
    <Screen title="Server">
      <Tabs {...tabs}>
        <Tabs.List mb="md">
          <Tabs.Tab value="server">Footprint</Tabs.Tab>
          <Tabs.Tab value="checks">Checks</Tabs.Tab>
          <Tabs.Tab value="backups">Backups</Tabs.Tab>
          <Tabs.Tab value="artifacts">Artifacts</Tabs.Tab>
          <Tabs.Tab value="hawkbit">hawkBit clients</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="server">
          <Footprint />
        </Tabs.Panel>
        <Tabs.Panel value="checks">
          <ServerChecks />
        </Tabs.Panel>
        <Tabs.Panel value="backups">
          <ServerBackups />
        </Tabs.Panel>
        <Tabs.Panel value="artifacts">
          <ArtifactSettings />
        </Tabs.Panel>
        <Tabs.Panel value="hawkbit">
          <HawkbitSettings />
        </Tabs.Panel>
      </Tabs>
    </Screen>
  );
}

function Footprint() {
  const server = useRecord<Server>(path("server"));
  return <Loaded record={server}>{(it) => <Facts it={it} />}</Loaded>;
}

function Facts({ it }: { it: Server }) {
  const size = (value: number | null | undefined) => (value == null ? null : bytes(value));
  const number = (value: number | null | undefined) => (value == null ? null : value.toLocaleString("en"));
  const facts: [string, React.ReactNode][] = [
    ["Version", it.version],
    ["Runs since", <Time key="started" at={it.startedAt} />],
    ["Database", it.database],
    ["Devices", number(it.devices)],
    ["Connected now", number(it.connections)],
    ["Memory", size(it.residentBytes)],
    [
      "Disk free",
      it.diskFreeBytes == null ? null : `${bytes(it.diskFreeBytes)} of ${bytes(it.diskTotalBytes ?? 0)}`,
    ],
    ["State", size(it.stateBytes)],
    ["Telemetry", size(it.telemetryBytes)],
    ["Points kept", number(it.pointsStored)],
    ["Files of releases", size(it.blobBytes)],
    ["Artifacts here", `${bytes(it.artifactBytes ?? 0)} of ${bytes(it.artifactQuotaBytes ?? 0)}`],
    ["Open files", number(it.openFiles)],
    ["Messages since start", number(it.messagesReceived)],
    [
      "Certificate good until",
      it.certificateNotAfter ? <Time key="certificate" at={it.certificateNotAfter} /> : null,
    ],
  ];
  return (
    <Stack>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }}>
        {facts.map(([name, value]) =>
          value === null ? null : (
            <Card withBorder key={name} p="sm">
              <Text size="xs" c="dimmed">
                {name}
              </Text>
              <Text fw={600} component="div">
                {value}
              </Text>
            </Card>
          ),
        )}
      </SimpleGrid>
      <Card withBorder>
        <Stack gap="xs">
          <Title order={2} size="h4">
            What devices need
          </Title>
          {it.deviceEndpoints.map((endpoint) => (
            <Code key={endpoint} style={{ overflowWrap: "anywhere" }}>
              {endpoint}
            </Code>
          ))}
          <Group gap="md">
            <Anchor href={path("ca.pem")} download="ca.pem">
              Download the CA
            </Anchor>
            <Digest value={it.caFingerprint} label="fingerprint of the CA" />
          </Group>
        </Stack>
      </Card>
      <SimulatedDevices />
    </Stack>
  );
}

function ServerChecks() {
  const checks = useRecord<Checks>(path("server", "checks"));
  return (
    <Stack>
      <Group justify="flex-end">
        <Button variant="default" loading={checks.isFetching} onClick={() => void checks.refetch()}>
          Check again
        </Button>
      </Group>
      <Listing
        label="Checks"
        list={{ items: checks.data?.items ?? [], loading: checks.isPending, problem: checks.error }}
        keyOf={(it) => it.check}
        columns={[
          { title: "Check", cell: (it) => it.check },
          { title: "State", cell: (it) => <StateOf state={it.state} /> },
          {
            title: "What was found",
            roomy: true,
            cell: (it) => (
              <Stack gap={2}>
                <Text size="sm">{it.detail}</Text>
                {it.action ? (
                  <Text size="xs" c="dimmed">
                    {it.action}
                  </Text>
                ) : null}
              </Stack>
            ),
          },
        ]}
        empty={<Empty title="No checks here">They are for those who run this server.</Empty>}
      />
    </Stack>
  );
}

function ServerBackups() {
  const may = useCan();
  const backups = useRecord<Schemas["Backups"]>(path("backups"));
  const make = useAct<void, unknown>(() => request("POST", path("backups")), [path("backups")]);
  const remove = useAct<string, unknown>(
    (name) => request("DELETE", path("backups", name)),
    [path("backups")],
  );
  const schedule = backups.data?.schedule;
  const now =
    may("server.manage") && schedule ? (
      <Button loading={make.isPending} onClick={() => make.mutate()}>
        Back up now
      </Button>
    ) : null;
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed" component="div">
          {schedule ? (
            <>
              {schedule.everySeconds ? `Every ${span(schedule.everySeconds)}` : "On demand"} into{" "}
              {schedule.directory}; the last {schedule.keep} stay
              {schedule.nextAt ? (
                <>
                  ; next <Time at={schedule.nextAt} />
                </>
              ) : null}
              .
            </>
          ) : (
            "This server has no directory for backups; name one in its configuration: directory, in the section [backup]."
          )}
        </Text>
        {backups.data?.items.length ? now : null}
      </Group>
      <Trouble problem={make.error} />
      <Listing
        label="Backups"
        list={{ items: backups.data?.items ?? [], loading: backups.isPending, problem: backups.error }}
        keyOf={(it) => it.name}
        columns={[
          { title: "Backup", cell: (it) => it.name },
          {
            title: "State",
            cell: (it) => (
              <Stack gap={2}>
                <StateOf state={it.state} />
                {it.detail ? <Text size="xs">{it.detail}</Text> : null}
              </Stack>
            ),
          },
          { title: "Size", cell: (it) => bytes(it.bytes) },
          { title: "Sealed to", wide: true, cell: (it) => it.sealed },
          { title: "Made", wide: true, cell: (it) => <Time at={it.createdAt} /> },
          {
            title: "Actions",
            cell: (it) =>
              may("server.manage") ? (
                <Confirmed label="Delete" title="Delete this backup?" act={() => remove.mutateAsync(it.name)}>
                  {it.name} goes for good.
                </Confirmed>
              ) : null,
          },
        ]}
        empty={
          <Empty title="No backup yet" action={now}>
            A backup is one sealed file with everything this server knows; windlass restore makes a server of
            it.
          </Empty>
        }
      />
    </Stack>
  );
}
