/** One job, live: waves, failures by reason, devices, and what can be done about it: `/jobs/$id`. */
import { Card, SimpleGrid, Text, Title } from "@mantine/core";

import { path, useRecord, type Page, type Schemas } from "../../kit/api";
import { Go, usePart } from "../../kit/nav";
import { Listing, Loaded, Notice, Screen, Trouble } from "../../kit/parts";
import { Facts, Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { bytes, capital, sentence, withTimes, words } from "../../ui/format";
import { Actions } from "./actions";
import { approvalWords } from "./approval";
import { Executions } from "./executions";
import { policyFacts, thresholdWords } from "./policy";
import { CountsBar, jobTitle, releaseOf } from "./states";
import { waveName } from "./wave";
import { WhyNot } from "./why";

type Job = Schemas["Job"];
type Cluster = Schemas["FailureCluster"];

export function Rollout() {
  const job = useRecord<Job>(path("jobs", usePart("id")));
  return <Loaded record={job}>{(it) => <Shown job={it} />}</Loaded>;
}

function Shown({ job }: { job: Job }) {
  const waits = job.approval ? approvalWords(job.approval, job.createdBy) : null;
  // Who decides about a job says why in full; a reason that is no more than that is told there.
  const release = releaseOf(job);
  const reason = waits || job.reason === job.decision?.remark ? null : job.reason;
  return (
    <Screen
      title={jobTitle(job)}
      about={
        <>
          {capital(words(job.kind))} no. {job.id}
          {release ? (
            <>
              {" "}
              to{" "}
              {release.to ? (
                <Go to={release.to} inText>
                  {release.words}
                </Go>
              ) : (
                release.words
              )}
            </>
          ) : null}{" "}
          for {job.targets}, made <Time at={job.createdAt} /> by {job.createdBy}
        </>
      }
      actions={
        <>
          <StateOf state={job.state} />
          <Actions job={job} />
        </>
      }
    >
      {reason ? (
        <Notice color={job.state === "halted" ? "red" : "blue"} title={capital(words(job.state))}>
          {withTimes(sentence(reason))}
        </Notice>
      ) : null}
      {waits ? <Notice title="It waits for a second person">{waits}</Notice> : null}
      {job.decision ? <Decided decision={job.decision} /> : null}
      <Card withBorder>
        <CountsBar counts={job.counts} label="All devices" />
        {job.kind === "update" ? <Downloads job={job} /> : null}
      </Card>
      <Waves job={job} />
      <Failures job={job} />
      <Terms job={job} />
      <Executions job={job} />
    </Screen>
  );
}

/** What went out for it, and what devices did not have to fetch. */
function Downloads({ job }: { job: Job }) {
  const sent = useRecord<Schemas["JobDownloads"]>(path("jobs", job.id, "downloads"));
  if (!sent.data || sent.data.sentBytes + sent.data.linkedBytes === 0) return null;
  const { sentBytes, savedBytes, linkedBytes } = sent.data;
  return (
    <Text size="xs" c="dimmed" mt={4}>
      {bytes(sentBytes)} downloaded{savedBytes > 0 ? `, ${bytes(savedBytes)} saved` : ""}
      {linkedBytes > 0 ? `, ${bytes(linkedBytes)} over lasting links` : ""}
    </Text>
  );
}

/** What the second person said. */
function Decided({ decision }: { decision: Schemas["Decision"] }) {
  return (
    <Text size="sm" className="anywhere">
      {decision.approved ? "Approved" : "Denied"} by {decision.by} <Time at={decision.at} />
      {decision.remark ? `: ${decision.remark}` : "."}
    </Text>
  );
}

/** What it was told to do, and beside it the question that most have who look here. */
function Terms({ job }: { job: Job }) {
  const facts = policyFacts(job.rollout, job.failureThreshold, job.timeouts);
  const both = facts.length > 0 && job.kind === "update";
  if (facts.length === 0 && job.kind !== "update") return null;
  return (
    <SimpleGrid cols={{ base: 1, md: both ? 2 : 1 }}>
      {facts.length > 0 ? (
        <Panel title="How it goes">
          <Facts items={facts} />
        </Panel>
      ) : null}
      <WhyNot job={job} />
    </SimpleGrid>
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
        {job.waves.map((wave) => {
          const terms = job.rollout.waveTerms?.[wave.number - 1];
          return (
            <Card withBorder key={wave.number}>
              <Text size="sm" fw={wave.number === job.currentWave ? 600 : 400} className="anywhere">
                {waveName(wave)}
                {wave.number === job.currentWave && job.state === "running" ? ", under way" : ""}
              </Text>
              <CountsBar counts={wave.counts} label={waveName(wave)} />
              {terms ? <WaveTerms terms={terms} /> : null}
            </Card>
          );
        })}
      </SimpleGrid>
    </section>
  );
}

/** What is particular to a wave. */
function WaveTerms({ terms }: { terms: Schemas["WaveTerms"] }) {
  const said = [
    terms.query ? `Only ${terms.query}` : null,
    terms.successPercent == null ? null : `Next at ${terms.successPercent}% succeeded`,
    terms.failureThreshold ? `Stops when ${thresholdWords(terms.failureThreshold)}` : null,
    terms.pauseAfter ? "Pauses after it" : null,
  ].filter((it) => it !== null);
  if (said.length === 0) return null;
  return (
    <Text size="xs" c="dimmed" mt={4} className="anywhere">
      {said.join(". ")}.
    </Text>
  );
}

function Failures({ job }: { job: Job }) {
  const failures = useRecord<Page<Cluster>>(job.counts.failed > 0 ? path("jobs", job.id, "failures") : null);
  if (failures.error) return <Trouble problem={failures.error} />;
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
