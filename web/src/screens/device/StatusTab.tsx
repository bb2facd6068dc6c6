// What a device is and how it is, with the reason.
import { SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, type Schemas, take } from "../../api/client";
import { useAskingAgain, useFreshValues } from "../../api/live";
import { useCan } from "../../session/session";
import { count, measured } from "../../ui/format";
import { Facts, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Tags } from "../../ui/Tags";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";
import { EditDetails } from "./EditDetails";
import { explain } from "./explain";
import { Software } from "./Software";

export type Device = Schemas["Device"] & {
  reprovisionUntil?: string | null;
  children?: number;
  decommissioning?: { since: string; wipeJob?: number | null; until?: string | null } | null;
};

export function StatusTab({ device }: { device: Device }) {
  const can = useCan();
  const { why, action } = explain(device);
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Panel title="Status">
        <Why why={why} action={action} />
        <div style={{ height: 14 }} />
        <Facts
          items={[
            ["Presence", <StateOf key="presence" state={device.presence} />],
            ["Lifecycle", <StateOf key="lifecycle" state={device.lifecycle} />],
            ["Last contact", <Time key="contact" at={device.lastContactAt} />],
            ["First contact", <Time key="first" at={device.firstSeenAt} />],
            ["Registered", <Time key="created" at={device.createdAt} />],
            ["Last change", <Time key="updated" at={device.updatedAt} />],
          ]}
        />
      </Panel>
      <Panel title="Details" actions={can("device.write") ? <EditDetails device={device} /> : undefined}>
        <Facts
          items={[
            ["Type", device.type ?? "none"],
            ["Kind", device.kind],
            [
              "Gateway",
              device.parent ? (
                <Link key="parent" to="/devices/$name" params={{ name: device.parent }} className="link">
                  {device.parent}
                </Link>
              ) : (
                "none"
              ),
            ],
            ...(device.kind === "gateway"
              ? [
                  [
                    "Children",
                    <Link
                      key="children"
                      to="/devices"
                      search={{ q: `parent==${device.name}` }}
                      className="link"
                    >
                      {device.children === undefined ? "show" : count(device.children)}
                    </Link>,
                  ] as [string, React.ReactNode],
                ]
              : []),
            ["Tags", device.tags.length ? <Tags key="tags" tags={device.tags} /> : "none"],
            ["Groups", device.groups.length ? <Tags key="groups" tags={device.groups} /> : "none"],
            [
              "Other ids",
              device.aliases.length
                ? device.aliases.map((alias) => `${alias.protocol}: ${alias.externalId}`).join(", ")
                : "none",
            ],
          ]}
        />
      </Panel>
      <Software device={device} />
      <Panel title="Attributes">
        <Pairs
          pairs={device.attributes}
          none="None. Attributes are set by operators: site, customer, anything."
        />
      </Panel>
      <Panel title="Inventory">
        <Pairs pairs={device.inventory} none="None. Inventory is what the device reports about itself." />
      </Panel>
      {can("telemetry.read") ? <LastValues name={device.name} /> : null}
    </SimpleGrid>
  );
}

function Pairs({ pairs, none }: { pairs: Record<string, string>; none: string }) {
  const entries = Object.entries(pairs);
  if (entries.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {none}
      </Text>
    );
  return <Facts items={entries} />;
}

function LastValues({ name }: { name: string }) {
  const refetchInterval = useAskingAgain();
  useFreshValues(name);
  const last = useQuery({
    queryKey: ["telemetry", name, "last"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/telemetry", { params: { path: { name } } })),
    refetchInterval,
  });
  const items = last.data?.items ?? [];
  return (
    <Panel
      title="Last values"
      actions={
        <Link to="/devices/$name" params={{ name }} search={{ tab: "telemetry" }} className="link">
          Charts
        </Link>
      }
    >
      {items.length === 0 ? (
        <Text size="sm" c="dimmed">
          {last.isPending ? "Looking…" : "No telemetry yet."}
        </Text>
      ) : (
        <Facts
          items={items.slice(0, 40).map((item) => [
            item.metric,
            <span key={item.metric}>
              <span className="numbers">{measured(item.value as number | boolean | string)}</span>{" "}
              <span className="quiet">
                <Time at={item.at} />
              </span>
            </span>,
          ])}
        />
      )}
    </Panel>
  );
}
