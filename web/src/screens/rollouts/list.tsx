/** Rollouts and other jobs: `/jobs`. */
import { useState } from "react";

import { Button, Group, SegmentedControl, Select, Text, TextInput } from "@mantine/core";

import { path, useList, useRecord, type Page, type Schemas } from "../../kit/api";
import { Go, GoButton, useUrl } from "../../kit/nav";
import { Empty, Listing, Screen } from "../../kit/parts";
import { words } from "../../ui/format";
import { StateOf } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { CountsBar, jobTitle, releaseOf } from "./states";

type Job = Schemas["Job"];

const KINDS = [
  { value: "", label: "All" },
  { value: "update", label: "Updates" },
  { value: "command", label: "Commands" },
  { value: "custom", label: "Documents" },
];

const STATES: Job["state"][] = [
  "awaitingApproval",
  "scheduled",
  "running",
  "paused",
  "halted",
  "stopping",
  "completed",
  "canceled",
  "denied",
];

export function Rollouts() {
  const may = useCan();
  const [kind, setKind] = useUrl("kind");
  const [state, setState] = useUrl("state");
  const [q, setQ] = useUrl("q");
  const list = useList<Job>(path("jobs"), { kind, state, q });
  const make = may("job.create") ? <GoButton to="/jobs/new">New rollout</GoButton> : null;
  // Only where a client of hawkBit's has made some.
  const assigning = useRecord<Page<Schemas["AutoAssignment"]>>(
    may("device.read") ? path("auto-assignments") : null,
    { limit: 1 },
  );
  return (
    <Screen
      title="Rollouts"
      about="What is done to the fleet, wave by wave."
      actions={
        <>
          {assigning.data?.items.length ? (
            <GoButton to="/auto-assignments" quiet>
              Auto assignments
            </GoButton>
          ) : null}
          {make}
        </>
      }
    >
      <Group gap="xs">
        <SegmentedControl data={KINDS} value={kind} onChange={setKind} aria-label="Kind" maw={420} />
        <Select
          aria-label="Only in the state"
          placeholder="Every state"
          clearable
          data={STATES.map((value) => ({ value, label: words(value) }))}
          value={state || null}
          onChange={(value) => setState(value ?? "")}
        />
        <Find key={q} q={q} setQ={setQ} />
      </Group>
      <Listing
        label="Rollouts"
        list={list}
        keyOf={(job) => job.id}
        columns={[
          { title: "Rollout", cell: (job) => <Named job={job} /> },
          { title: "State", cell: (job) => <StateOf state={job.state} /> },
          { title: "Devices", cell: (job) => <CountsBar counts={job.counts} label={jobTitle(job)} /> },
          { title: "Targets", wide: true, cell: (job) => job.targets },
          { title: "Made", wide: true, cell: (job) => <Time at={job.createdAt} /> },
        ]}
        empty={
          kind || state || q ? (
            <Empty title="None like this">
              No rollout is of this kind, in this state and has these words.
            </Empty>
          ) : (
            <Empty title="No rollout yet" action={make}>
              A rollout brings a release to some devices first, looks whether they run it, and stops itself
              when too many fail.
            </Empty>
          )
        }
      />
    </Screen>
  );
}

/** Asks once the words are entered, not at each letter. */
function Find({ q, setQ }: { q: string; setQ: (q: string) => void }) {
  const [text, setText] = useState(q);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        setQ(text.trim());
      }}
    >
      <Group gap="xs">
        <TextInput
          aria-label="Only those with these words"
          data-search=""
          placeholder="Release, description or targets"
          maxLength={256}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" variant="default">
          Find
        </Button>
      </Group>
    </form>
  );
}

/** A description says what it is for; what it installs is said beneath. */
function Named({ job }: { job: Job }) {
  const release = job.description ? releaseOf(job) : null;
  return (
    <>
      <Go to={`/jobs/${job.id}`}>{jobTitle(job)}</Go>
      {release ? (
        <Text size="xs" c="dimmed" className="anywhere">
          {release.words}
        </Text>
      ) : null}
    </>
  );
}
