// Why the device did not connect or was not heard: refused attempts, and topics that nothing maps.
import { Button, Group, Select, Stack, Table, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take, version, type Schemas } from "../../api/client";
import { useCan } from "../../session/session";
import { Clip } from "../../ui/Clip";
import { counted } from "../../ui/format";
import { Empty, Panel } from "../../ui/Page";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { done, failed } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { Why } from "../../ui/Why";
import type { Device } from "./StatusTab";

type Refusal = Schemas["Refusal"];
type UnmappedTopic = Schemas["UnmappedTopic"];
type Target = Schemas["TopicTarget"];

export default function ConnectionTab({ device }: { device: Device }) {
  const { name } = device;
  const refusals = useQuery({
    queryKey: ["refusal", name, "list"],
    queryFn: () =>
      take(api.GET("/api/v1/devices/{name}/refusals", { params: { path: { name }, query: { limit: 50 } } })),
    retry: false,
  });
  const items = refusals.data?.items ?? [];
  return (
    <Stack>
      <Panel title="Refused attempts">
        <Trouble error={refusals.error} onRetry={() => void refusals.refetch()} />
        {refusals.isSuccess && items.length === 0 ? (
          <Empty title="Nothing was refused">
            Attempts to connect, subscribe or publish that the server refused appear here, with the reason.
          </Empty>
        ) : (
          <RefusalList refusals={items} />
        )}
      </Panel>
      <UnmappedTopics device={device} />
    </Stack>
  );
}

/** Refusals with their reason and what to do; also used by the connect card. */
export function RefusalList({ refusals }: { refusals: Refusal[] }) {
  return (
    <Stack gap="md">
      {refusals.map((refusal) => (
        <article key={refusal.id} aria-label={`Refused at ${refusal.stage}`}>
          <Group gap={12} mb={4}>
            <Status tone="bad">{`refused at ${refusal.stage}`}</Status>
            <Text size="sm" c="dimmed" component="span">
              {counted(refusal.count, "time")}, last <Time at={refusal.lastAt} />, from {refusal.address}
            </Text>
          </Group>
          <Why why={refusal.detail} action={refusal.action} />
        </article>
      ))}
    </Stack>
  );
}

const TARGETS = [
  { value: "telemetry", label: "telemetry" },
  { value: "event", label: "events" },
  { value: "log", label: "logs" },
];

function UnmappedTopics({ device }: { device: Device }) {
  const can = useCan();
  const client = useQueryClient();
  const [target, setTarget] = useState<Record<string, Target>>({});
  const [busy, setBusy] = useState<string>();
  const { name } = device;
  const topics = useQuery({
    queryKey: ["refusal", name, "topics"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/unmapped-topics", { params: { path: { name } } })),
    retry: false,
  });
  const items = topics.data?.items ?? [];

  const map = async (topic: UnmappedTopic) => {
    if (!device.type) return;
    setBusy(topic.topic);
    try {
      const path = { name: device.type };
      const type = await take(api.GET("/api/v1/types/{name}", { params: { path } }));
      const {
        description,
        contactIntervalSeconds,
        defaultAttributes,
        renewsCertificate,
        verifyTimeoutSeconds,
        versionSources,
      } = type;
      await take(
        api.PUT("/api/v1/types/{name}", {
          params: { path, header: { "If-Match": version(type.version) } },
          body: {
            description,
            contactIntervalSeconds,
            defaultAttributes,
            renewsCertificate,
            verifyTimeoutSeconds,
            versionSources,
            topicMap: [
              ...(type.topicMap ?? []),
              { filter: topic.suggestedFilter, target: target[topic.topic] ?? "telemetry" },
            ],
          },
        }),
      );
      done(`Devices of type ${device.type} may publish to ${topic.suggestedFilter} now.`);
      await client.invalidateQueries({ queryKey: ["refusal", name] });
    } catch (error) {
      failed(error);
    }
    setBusy(undefined);
  };

  return (
    <Panel title="Topics that nothing maps">
      <Trouble error={topics.error} onRetry={() => void topics.refetch()} />
      {topics.isSuccess && items.length === 0 ? (
        <Text size="sm" c="dimmed">
          None: everything the device published went to telemetry, events or logs.
        </Text>
      ) : null}
      {items.length > 0 ? (
        <>
          {device.type ? null : (
            <Text size="sm" mb="sm">
              Give the device a type first: topics are mapped by its type, for all devices of it.
            </Text>
          )}
          <Table.ScrollContainer
            minWidth={560}
            type="native"
            tabIndex={0}
            role="region"
            aria-label="Unmapped topics"
          >
            <Table aria-label="Topics that nothing maps">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Topic</Table.Th>
                  <Table.Th scope="col">Refused</Table.Th>
                  <Table.Th scope="col">Map as</Table.Th>
                  <Table.Th scope="col">To</Table.Th>
                  <Table.Th scope="col">Map</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((topic) => (
                  <Table.Tr key={topic.topic}>
                    <Table.Td maw={240}>
                      <Clip mono>{topic.topic}</Clip>
                    </Table.Td>
                    <Table.Td>
                      {counted(topic.count, "time")}, last <Time at={topic.lastAt} />
                    </Table.Td>
                    <Table.Td maw={240}>
                      <Clip mono>{topic.suggestedFilter}</Clip>
                    </Table.Td>
                    <Table.Td>
                      <Select
                        size="xs"
                        w={120}
                        aria-label={`What ${topic.topic} carries`}
                        data={TARGETS}
                        allowDeselect={false}
                        value={target[topic.topic] ?? "telemetry"}
                        onChange={(next) =>
                          setTarget((before) => ({
                            ...before,
                            [topic.topic]: (next ?? "telemetry") as Target,
                          }))
                        }
                      />
                    </Table.Td>
                    <Table.Td>
                      <Button
                        size="xs"
                        variant="default"
                        disabled={!device.type || !can("type.write")}
                        loading={busy === topic.topic}
                        onClick={() => void map(topic)}
                      >
                        Map this topic
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </>
      ) : null}
    </Panel>
  );
}
