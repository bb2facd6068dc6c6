/** What can be done about a job, by its state. */
import { useState } from "react";

import { Button, Checkbox, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { path, type ProblemError, request, useAct, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { useGo } from "../../kit/nav";
import { Confirmed, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { Dialog } from "../../ui/Dialog";
import { counted } from "../../ui/format";
import { Decision } from "./decision";
import { lastWave } from "./wave";

type Job = Schemas["Job"];

/** States in which nothing more is offered. */
export const OVER: Job["state"][] = ["canceled", "completed", "stopping", "denied"];

/** Whether a device may run something else because of it. */
const hasChanged = ({ counts }: Job) =>
  counts.inProgress + counts.verifying + counts.succeeded + counts.failed + counts.canceled > 0;

const withVersion = (job: Job) => ({ headers: { "if-match": `"${job.version}"` } });

export function Actions({ job }: { job: Job }) {
  const may = useCan();
  const act = useAct<string, unknown>(
    (action) => request("POST", path("jobs", job.id, action), withVersion(job)),
    [path("jobs")],
  );
  const decision = <Decided job={job} />;
  if (!may("job.control")) return decision;
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
  const waves = lastWave(job);
  return (
    <>
      {decision}
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
      {(job.state === "running" || job.state === "paused") && job.currentWave < waves ? (
        <Confirmed
          label="Next wave"
          danger={false}
          title="Begin the next wave now?"
          act={() => act.mutateAsync("advance")}
        >
          Wave {job.currentWave + 1} of {waves} begins though wave {job.currentWave} is not settled. What that
          is at work on goes on.
        </Confirmed>
      ) : null}
      {job.counts.failed > 0 &&
      !job.release?.deleted &&
      job.state !== "canceled" &&
      job.state !== "stopping" ? (
        <Confirmed
          label="Retry failed"
          danger={false}
          title="Try the failed devices again?"
          act={() => act.mutateAsync("retry")}
        >
          {counted(job.counts.failed, "device")} will be offered it once more.
        </Confirmed>
      ) : null}
      {job.kind === "update" && hasChanged(job) && may("job.create") ? <RollBack job={job} /> : null}
      {over ? null : <Cancel job={job} />}
      {job.state === "stopping" && job.counts.inProgress > 0 ? <EndEverywhere job={job} /> : null}
      {act.error && !act.isPending ? <Trouble problem={act.error} /> : null}
    </>
  );
}

/** What may be said of it while it waits for a second person. */
function Decided({ job }: { job: Job }) {
  return (
    <Decision
      may={job.approval?.may}
      name="this rollout"
      target={path("jobs", job.id)}
      version={job.version}
      means={{
        approve: `It reaches ${counted(job.counts.targets, "device")} then.`,
        deny: "It is over then, and no device gets it.",
      }}
    />
  );
}

const cancelOf = (job: Job, begun: { inProgressToo?: true; force?: true }) =>
  request<Job>("POST", path("jobs", job.id, "cancel"), {
    ...withVersion(job),
    query: begun,
  });

/** Ends the rollout; devices that are at work on it finish, unless it is to end there too. */
function Cancel({ job }: { job: Job }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
        Cancel
      </Button>
      <Dialog opened={open} onClose={() => setOpen(false)} title="Cancel this rollout?">
        {open ? <CancelForm job={job} done={() => setOpen(false)} /> : null}
      </Dialog>
    </>
  );
}

function CancelForm({ job, done }: { job: Job; done: () => void }) {
  const [everywhere, setEverywhere] = useState(false);
  const cancel = useAct<void, Job>(
    () => cancelOf(job, everywhere ? { inProgressToo: true } : {}),
    [path("jobs")],
    done,
  );
  const { waiting, queued, inProgress } = job.counts;
  return (
    <SaveForm
      save={cancel}
      shown={[]}
      label="Cancel the rollout"
      danger
      cancel={done}
      cancelLabel="Let it go on"
    >
      <Text size="sm">
        {waiting + queued > 0
          ? `${counted(waiting + queued, "device")} will not get it.`
          : "Every device has begun it or is through with it."}{" "}
        {inProgress > 0 ? `${counted(inProgress, "device")} at work on it may finish.` : ""}
      </Text>
      {inProgress > 0 ? (
        <Checkbox
          label="End it on those too"
          description="hawkBit’s clients are asked to stop, and the rollout waits for their answer. From others it is withdrawn at once; one that does not hear of it may install the update all the same."
          checked={everywhere}
          onChange={(event) => setEverywhere(event.currentTarget.checked)}
        />
      ) : null}
    </SaveForm>
  );
}

const FORCED =
  "They count as canceled at once; one that does not hear of it may install the update all the same.";

/** For a rollout that is canceled and waits for devices which do not come to an end. */
function EndEverywhere({ job }: { job: Job }) {
  const end = useAct<void, Job>(() => cancelOf(job, { force: true }), [path("jobs")]);
  return (
    <Confirmed
      label="End it everywhere"
      title="End it without the devices’ word?"
      act={() => end.mutateAsync()}
    >
      {counted(job.counts.inProgress, "device")} {job.counts.inProgress === 1 ? "is" : "are"} still at work on
      it. {FORCED}
    </Confirmed>
  );
}

/** Of jobs in these states no device begins any more, so that what a way back would do can be told beforehand. */
const RESTING: Job["state"][] = ["completed", "canceled", "halted"];

/**
 * What rolling it back would come to, or why it cannot be; not asked while devices go on beginning it. The server goes
 * through thousands of executions for it: it is asked once, and once more when the last device that was at work is through.
 */
function useWayBack(job: Job) {
  const { inProgress, verifying } = job.counts;
  return useQuery<Schemas["WayBack"], ProblemError>({
    queryKey: ["wayBack", job.id, job.state, inProgress + verifying > 0],
    queryFn: () => request<Schemas["WayBack"]>("GET", path("jobs", job.id, "rollback")),
    enabled: RESTING.includes(job.state) && !job.release?.deleted,
    staleTime: 60_000,
  });
}

/** Of a very large rollout only a share is looked at beforehand. */
function shareSaid(lookedAt: number | null | undefined): string {
  return lookedAt
    ? ` That is by its first ${counted(lookedAt, "execution")}; rolling back looks at all of them.`
    : "";
}

/** Brings every device of it back to the release that ran there before, by a job of its own. */
function RollBack({ job }: { job: Job }) {
  const go = useGo();
  const way = useWayBack(job);
  const back = useAct<void, Job>(
    () => request("POST", path("jobs", job.id, "rollback")),
    [path("jobs")],
    (made) => go(`/jobs/${made.id}`),
  );
  const made = way.data?.job;
  return (
    <Confirmed
      label="Roll back"
      title="Bring its devices back?"
      act={() => back.mutateAsync()}
      held={
        job.release?.deleted
          ? "Its release was deleted, and with it what is known of the way back."
          : way.data?.why
      }
    >
      {made
        ? `A new rollout begins that installs ${made.release.name} ${made.release.version} on ${counted(made.devices, "device")}: ${made.targets}.${shareSaid(way.data?.lookedAt)}`
        : way.data?.lookedAt
          ? `Among its first ${counted(way.data.lookedAt, "execution")} is nobody who could be brought back. Rolling back looks at all of them, and begins a new rollout for those it finds.`
          : "A new rollout begins that installs what ran before on the devices that this one reached. Those that it has not reached stay as they are."}
    </Confirmed>
  );
}
