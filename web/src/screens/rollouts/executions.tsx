/** The devices of a job, with where each stands, why, and what can be done about one. */
import { Box, Group, Select, Stack, Text, Title } from "@mantine/core";

import { path, useList, type Schemas } from "../../kit/api";
import { Go, useUrl } from "../../kit/nav";
import { Empty, Listing } from "../../kit/parts";
import { useCan } from "../../session/session";
import { bytes, words } from "../../ui/format";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Why } from "../../ui/Why";
import { OneDevice } from "./one";

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
          data={OUTCOMES.map((value) => ({ value, label: words(value) }))}
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
                    Goes on <Time at={execution.heldUntil} />
                  </Text>
                ) : null}
                {execution.outcome === "open" && execution.downloadedBytes ? (
                  <Text size="xs" c="dimmed">
                    {bytes(execution.downloadedBytes)} of {bytes(execution.downloadBytes ?? 0)} downloaded
                  </Text>
                ) : null}
                {shown(execution)}
                {may("job.control") ? (
                  <Box hiddenFrom="sm">
                    <OneDevice execution={execution} />
                  </Box>
                ) : null}
              </Stack>
            ),
          },
          { title: "Wave", wide: true, cell: (execution) => execution.wave },
          { title: "Changed", wide: true, cell: (execution) => <Time at={execution.updatedAt} /> },
          {
            title: "Actions",
            wide: true,
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
