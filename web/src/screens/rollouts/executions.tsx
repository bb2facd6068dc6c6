/** The devices of a job, with where each stands, why, and what can be done about one. */
import { Button, Group, Select, Stack, Text, Title } from "@mantine/core";

import { path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Go, useUrl } from "../../kit/nav";
import { Confirmed, Empty, Listing } from "../../kit/parts";
import { useCan } from "../../session/session";
import { bytes } from "../../ui/format";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";
import { Trouble } from "../../ui/Trouble";

type Job = Schemas["Job"];
type Execution = Schemas["Execution"];

const OUTCOMES = ["open", "verifying", "succeeded", "failed", "canceled", "skipped"];

export function Executions({ job }: { job: Job }) {
  const may = useCan();
  const [outcome, setOutcome] = useUrl("outcome");
  const list = useList<Execution>(path("jobs", job.id, "executions"), { outcome });
  const shown = (execution: Execution) =>
    execution.output ? (
      <Text
        component="pre"
        size="xs"
        style={{ whiteSpace: "pre-wrap", margin: 0, maxHeight: 120, overflow: "auto" }}
      >
        {execution.output}
      </Text>
    ) : null;
  return (
    <section aria-label="Devices">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          Devices
        </Title>
        <Select
          aria-label="Only devices that"
          placeholder="Every outcome"
          clearable
          size="xs"
          data={OUTCOMES}
          value={outcome || null}
          onChange={(value) => setOutcome(value ?? "")}
        />
      </Group>
      <Listing
        label="Devices"
        list={list}
        keyOf={(execution) => execution.id}
        columns={[
          {
            title: "Device",
            cell: (execution) =>
              execution.device ? (
                <Go to={`/devices/${encodeURIComponent(execution.device)}`}>{execution.device}</Go>
              ) : (
                "gone"
              ),
          },
          { title: "Outcome", cell: (execution) => <StateOf state={execution.outcome} /> },
          {
            title: "Why",
            roomy: true,
            cell: (execution) => (
              <Stack gap={2}>
                <Why why={execution.why} action={execution.action} compact />
                {execution.heldUntil ? (
                  <Text size="xs" c="dimmed">
                    Opens <Time at={execution.heldUntil} />
                  </Text>
                ) : null}
                {execution.outcome === "open" && execution.downloadedBytes ? (
                  <Text size="xs" c="dimmed">
                    {bytes(execution.downloadedBytes)} of {bytes(execution.downloadBytes ?? 0)} downloaded
                  </Text>
                ) : null}
                {shown(execution)}
              </Stack>
            ),
          },
          { title: "Wave", wide: true, cell: (execution) => execution.wave },
          { title: "Changed", wide: true, cell: (execution) => <Time at={execution.updatedAt} /> },
          {
            title: "Actions",
            cell: (execution) => (may("job.control") ? <OneDevice execution={execution} /> : null),
          },
        ]}
        empty={
          <Empty title="No device here">
            {outcome ? "No device has this outcome." : "Devices appear when their wave is offered."}
          </Empty>
        }
      />
    </section>
  );
}

/** What can be done about a job on one device. */
function OneDevice({ execution }: { execution: Execution }) {
  const { id } = execution;
  const confirm = useAct<void, unknown>(
    () => request("POST", path("executions", id, "confirm")),
    [path("jobs"), path("executions")],
  );
  const cancel = useAct<boolean, unknown>(
    (force) => request("POST", path("executions", id, "cancel"), { query: { force: force || undefined } }),
    [path("jobs"), path("executions")],
  );
  if (execution.outcome !== "open") return null;
  const device = execution.device ?? "the device";
  return (
    <Group gap="xs">
      {execution.consentAwaited ? (
        <Button
          size="compact-sm"
          variant="default"
          loading={confirm.isPending}
          onClick={() => confirm.mutate()}
        >
          Agree for it
        </Button>
      ) : null}
      {execution.cancelAskedAt ? (
        <Confirmed
          label="End it"
          title={`End it on ${device} without its word?`}
          act={() => cancel.mutateAsync(true)}
        >
          The device was asked to stop <Time at={execution.cancelAskedAt} /> and has not answered. It may
          install the update all the same.
        </Confirmed>
      ) : (
        <Confirmed label="Stop" title={`Ask ${device} to stop?`} act={() => cancel.mutateAsync(false)}>
          What has not begun ends at once; a device that is at work on it may refuse.
        </Confirmed>
      )}
      <Trouble error={confirm.error} />
    </Group>
  );
}
