/** One job, live: waves, failures by reason, devices, and what can be done about it: `/jobs/$id`. */
import { Button, Card, Group, Select, SimpleGrid, Stack, Text, Title } from "@mantine/core";

import { path, request, useAct, useList, useRecord, type Page, type Schemas } from "../../kit/api";
import { Go, usePart, useUrl } from "../../kit/nav";
import { Confirmed, Empty, Listing, Screen, Trouble, Notice } from "../../kit/parts";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { counted, words } from "../../ui/format";
import { CountsBar, jobTitle } from "./states";

type Job = Schemas["Job"];
type Execution = Schemas["Execution"];
type Cluster = Schemas["FailureCluster"];

const OUTCOMES = ["open", "verifying", "succeeded", "failed", "canceled", "skipped"];
const OVER: Job["state"][] = ["canceled", "completed", "stopping"];

export function Rollout() {
  const id = usePart("id");
  const job = useRecord<Job>(path("jobs", id));
  if (job.error) return <Trouble problem={job.error} />;
  if (!job.data) return null;
  return (
    <Screen
      title={jobTitle(job.data)}
      about={
        <>
          {words(job.data.kind)} no. {job.data.id} for {job.data.targets}, made{" "}
          <Time at={job.data.createdAt} /> by {job.data.createdBy}
        </>
      }
      actions={
        <>
          <StateOf state={job.data.state} />
          <Actions job={job.data} />
        </>
      }
    >
      {job.data.reason ? (
        <Notice color={job.data.state === "halted" ? "red" : "blue"} title={words(job.data.state)}>
          {job.data.reason}
        </Notice>
      ) : null}
      <Card withBorder>
        <CountsBar counts={job.data.counts} label="All devices" />
      </Card>
      <Waves job={job.data} />
      <Failures job={job.data} />
      <Executions job={job.data} />
    </Screen>
  );
}

function Actions({ job }: { job: Job }) {
  const may = useCan();
  const act = useAct<string, unknown>(
    (action) =>
      request("POST", path("jobs", job.id, action), { headers: { "if-match": `"${job.version}"` } }),
    [path("jobs")],
  );
  if (!may("job.control")) return null;
  const button = (action: string, label: string) => (
    <Button
      size="compact-sm"

      loading={act.isPending && act.variables === action}
      onClick={() => act.mutate(action)}
    >
      {label}
    </Button>
  );
  const over = OVER.includes(job.state);
  return (
    <>
      {job.state === "scheduled" ? button("start", "Start now") : null}
      {job.state === "running" ? button("pause", "Pause") : null}
      {job.state === "paused" ? button("resume", "Resume") : null}
      {job.state === "halted" ? (
        <Confirmed
          label="Resume"
          danger={false}
          title="Go on in spite of the failures?"
          act={() => act.mutateAsync("resume")}
        >
          {counted(job.counts.failed, "device")} failed, and {counted(job.counts.waiting, "device")} would be
          offered it next.
        </Confirmed>
      ) : null}
      {job.counts.failed > 0 && job.state !== "canceled" && job.state !== "stopping" ? (
        <Confirmed
          label="Retry failed"
          danger={false}
          title="Try the failed devices again?"
          act={() => act.mutateAsync("retry")}
        >
          {counted(job.counts.failed, "device")} will be offered it once more.
        </Confirmed>
      ) : null}
      {over ? null : (
        <Confirmed label="Cancel" title="Cancel this rollout?" act={() => act.mutateAsync("cancel")}>
          Devices that already work on it finish. {counted(job.counts.waiting + job.counts.queued, "device")}{" "}
          will not get it.
        </Confirmed>
      )}
      {act.error && !act.isPending ? <Trouble problem={act.error} /> : null}
    </>
  );
}

function Waves({ job }: { job: Job }) {
  if (job.waves.length < 2) return null;
  return (
    <section aria-label="Waves">
      <Title order={2} size="h4" mb="xs">
        Waves
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {job.waves.map((wave) => (
          <Card withBorder key={wave.number}>
            <Text size="sm" fw={wave.number === job.currentWave ? 600 : 400}>
              Wave {wave.number}
              {wave.number === job.currentWave && !OVER.includes(job.state) ? ", under way" : ""}
            </Text>
            <CountsBar counts={wave.counts} label={`Wave ${wave.number}`} />
          </Card>
        ))}
      </SimpleGrid>
    </section>
  );
}

function Failures({ job }: { job: Job }) {
  const failures = useRecord<Page<Cluster>>(job.counts.failed > 0 ? path("jobs", job.id, "failures") : null);
  if (!failures.data || failures.data.items.length === 0) return null;
  return (
    <section aria-label="Failures by reason">
      <Title order={2} size="h4" mb="xs">
        Failures by reason
      </Title>
      <Listing
        label="Failures by reason"
        list={{ items: failures.data.items, loading: false }}
        keyOf={(cluster) => `${cluster.state} ${cluster.verdict} ${cluster.reason}`}
        columns={[
          { title: "Devices", cell: (cluster) => cluster.count.toLocaleString("en") },
          { title: "Reason", roomy: true, cell: (cluster) => cluster.reason || "The device gave none." },
          {
            title: "What happened",
            wide: true,
            cell: (cluster) => words(cluster.verdict === "pending" ? cluster.state : cluster.verdict),
          },
        ]}
        empty={null}
      />
    </section>
  );
}

function Executions({ job }: { job: Job }) {
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
                <Text size="sm">{execution.why}</Text>
                {execution.action ? (
                  <Text size="xs" c="dimmed">
                    {execution.action}
                  </Text>
                ) : null}
                {shown(execution)}
              </Stack>
            ),
          },
          { title: "Wave", wide: true, cell: (execution) => execution.wave },
          { title: "Changed", wide: true, cell: (execution) => <Time at={execution.updatedAt} /> },
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
