/** Alerts: conditions that need somebody, until they end: `/alerts`. */
import { Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";

import { path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Go, GoButton, useUrl } from "../../kit/nav";
import { Confirmed, Empty, Listing, Screen, Trouble } from "../../kit/parts";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { words } from "../../ui/format";

type AlertRecord = Schemas["Alert"];

export function Alerts() {
  const may = useCan();
  const [state, setState] = useUrl("state");
  const list = useList<AlertRecord>(path("alerts"), { state: state || "open" });
  const act = useAct<{ id: number; how: string }, unknown>(
    ({ id, how }) => request("POST", path("alerts", id, how), how === "close" ? { body: {} } : {}),
    [path("alerts")],
  );
  return (
    <Screen
      title="Alerts"
      about="An alert closes by itself when its condition ends."
      actions={
        may("notification.manage") ? (
          <GoButton to="/notifications" quiet>
            Who is told
          </GoButton>
        ) : null
      }
    >
      <SegmentedControl
        aria-label="State"
        maw={240}
        data={[
          { value: "", label: "Open" },
          { value: "closed", label: "Closed" },
        ]}
        value={state === "closed" ? "closed" : ""}
        onChange={setState}
      />
      <Trouble problem={act.error} />
      <Listing
        label="Alerts"
        list={list}
        keyOf={(it) => it.id}
        columns={[
          { title: "Severity", cell: (it) => <StateOf state={it.severity} /> },
          {
            title: "What",
            roomy: true,
            cell: (it) => (
              <Stack gap={2}>
                <Text size="sm" fw={500}>
                  {words(it.kind)}: <Subject it={it} />
                </Text>
                <Text size="sm">{it.detail}</Text>
                <Text size="xs" c="dimmed">
                  {it.action}
                </Text>
              </Stack>
            ),
          },
          { title: "Since", wide: true, cell: (it) => <Time at={it.openedAt} /> },
          {
            title: "Handled",
            cell: (it) =>
              it.state === "closed" ? (
                (it.closedReason ?? "closed")
              ) : (
                <Group gap="xs">
                  {it.acknowledgedBy ? (
                    <Text size="sm">by {it.acknowledgedBy}</Text>
                  ) : may("alert.handle") ? (
                    <Button
                      size="compact-sm"
                      variant="light"
                      loading={act.isPending && act.variables.id === it.id}
                      onClick={() => act.mutate({ id: it.id, how: "acknowledge" })}
                    >
                      Acknowledge
                    </Button>
                  ) : null}
                  {may("alert.handle") ? (
                    <Confirmed
                      label="Close"
                      danger={false}
                      title="Close this alert?"
                      act={() => act.mutateAsync({ id: it.id, how: "close" })}
                    >
                      Its condition may still hold; then a new alert opens when it begins again.
                    </Confirmed>
                  ) : null}
                </Group>
              ),
          },
        ]}
        empty={
          <Empty title={state === "closed" ? "No closed alert" : "All is well"}>
            {state === "closed" ? "Alerts that ended are kept here." : "No condition needs somebody now."}
          </Empty>
        }
      />
    </Screen>
  );
}

function Subject({ it }: { it: AlertRecord }) {
  if (it.device) return <Go to={`/devices/${encodeURIComponent(it.device)}`}>{it.device}</Go>;
  if (it.job) return <Go to={`/jobs/${it.job}`}>{it.subject}</Go>;
  if (it.pending) return <Go to="/provisioning?tab=pending">{it.subject}</Go>;
  return it.subject;
}
