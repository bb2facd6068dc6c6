/** A new rollout in three steps: what and for whom, how, and one sentence that says what will happen: `/jobs/new`. */
import { useState } from "react";

import {
  Autocomplete,
  Box,
  Button,
  Checkbox,
  Group,
  Radio,
  Select,
  Stack,
  Stepper,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";

import { useNow } from "../../api/live";
import { fault, path, request, useAct, useList, useRecord, type Page, type Schemas } from "../../kit/api";
import { useGo, useUrl } from "../../kit/nav";
import { NotAllowed, Screen, Trouble, useFaultInSight } from "../../kit/parts";
import { useCan } from "../../session/session";
import { JsonField } from "../../ui/JsonField";
import { counted } from "../../ui/format";
import { Check, usePreview } from "./check";
import { missing, START, targetQuery, type Draft, type Missing, type TargetKind } from "./draft";
import type { Change, Part } from "./fields";
import { How } from "./how";
import { stepOf, toJob } from "./request";

/** What the first step asks for; the second one asks for everything else. */
const WHAT_AND_WHOM: (keyof Draft)[] = ["release", "document", "target"];
/** Of these steps what is wrong is said before they are left; after them comes the check. */
const STEPS = 2;

export function NewRollout() {
  return useCan()("job.create") ? (
    <Wizard />
  ) : (
    <NotAllowed title="New rollout" who="Administrators and operators make rollouts." />
  );
}

function Wizard() {
  const [release] = useUrl("release");
  const [query] = useUrl("q");
  const [draft, setDraft] = useState<Draft>({ ...START, release, target: query });
  const [step, setStep] = useState(0);
  const [tried, setTried] = useState(-1);
  const now = useNow();
  const go = useGo();
  const make = useAct<Draft, Schemas["Job"]>(
    (wanted) => request("POST", path("jobs"), { body: toJob(wanted) }),
    [path("jobs")],
    (job) => go(`/jobs/${job.id}`),
  );
  const matching = useMatching(draft.targetKind, draft.target);
  const problems: Missing = { ...missing(draft, now) };
  const unread = fault(matching.problem, "q");
  if (unread) problems.target ??= unread;
  const [visit, setVisit] = useState(0);
  const preview = usePreview(Object.keys(problems).length === 0 ? draft : null, visit, step === STEPS);
  const named = Object.keys(problems) as (keyof Draft)[];
  // A step is left only once nothing of its own is missing.
  const blocked = named.some((field) => WHAT_AND_WHOM.includes(field) === (step === 0));
  const [stopped, setStopped] = useState(0);
  useFaultInSight(stopped);
  const goTo = (wanted: number) => {
    setStep(wanted);
    if (wanted === STEPS) setVisit(visit + 1);
    window.scrollTo(0, 0);
  };
  const next = () => {
    setTried(Math.max(tried, step));
    if (blocked) setStopped(stopped + 1);
    else goTo(step + 1);
  };
  const refused = make.error ?? preview.error;
  const wrong = stepOf(refused?.fields ?? []);
  const change: Change = (part) => {
    make.reset();
    setDraft((before) => ({ ...before, ...part }));
  };
  const part = { draft, change, shown: tried >= step ? problems : {}, refused };
  return (
    <Screen title="New rollout" about="Nothing happens before the last step.">
      <Stepper active={step} onStepClick={goTo} allowNextStepsSelect={false} size="sm">
        <Stepper.Step
          label={
            <>
              What
              <Box component="span" visibleFrom="sm">
                {" "}
                and for whom
              </Box>
            </>
          }
        >
          <WhatAndWhom {...part} matching={matching} />
        </Stepper.Step>
        <Stepper.Step label="How">
          <How {...part} />
        </Stepper.Step>
        <Stepper.Step label="Check">
          <Check draft={draft} change={change} preview={preview} />
          {/* What the dry run is refused for is said there already. */}
          <Trouble problem={preview.error ? null : make.error} />
        </Stepper.Step>
      </Stepper>
      <Group>
        {step > 0 ? (
          <Button variant="default" onClick={() => goTo(step - 1)}>
            Back
          </Button>
        ) : null}
        {step < STEPS ? (
          <Button onClick={next}>Next</Button>
        ) : wrong !== null ? (
          <Button
            onClick={() => {
              goTo(wrong);
              setStopped(stopped + 1);
            }}
          >
            Show what is wrong
          </Button>
        ) : (
          <Button loading={make.isPending} onClick={() => make.mutate(draft)}>
            {draft.begin === "now" && !draft.approval ? "Roll out" : "Make it"}
          </Button>
        )}
      </Group>
    </Screen>
  );
}

/** How many devices a target finds now. */
export function useMatching(kind: TargetKind, target: string) {
  const query = targetQuery(kind, target);
  const found = useRecord<Page<Schemas["Device"]>>(query === null ? null : path("devices"), {
    q: query ?? undefined,
    limit: 1,
  });
  return { total: found.data?.total ?? undefined, problem: found.error, asked: query !== null };
}

/** The types, tags or groups that devices have, the commonest first. */
function useValues(kind: TargetKind): string[] {
  const told = kind === "type" || kind === "tag" || kind === "group";
  const found = useRecord<Schemas["PageOfDevice"]>(told ? path("devices") : null, { limit: 1, facets: kind });
  return (found.data?.facets?.[kind] ?? []).map((it) => it.value);
}

/** What is done, and to whom. */
function WhatAndWhom(part: Part & { matching: ReturnType<typeof useMatching> }) {
  return (
    <Stack maw={720} mt="md">
      <What {...part} />
      <Whom {...part} />
    </Stack>
  );
}

function What({ draft, change, shown, refused }: Part) {
  const releases = useList<Schemas["Release"]>(path("releases"), { limit: 1000 });
  const known = releases.items.some((it) => `${it.name}@${it.version}` === draft.release);
  const unknown = draft.release !== "" && !known && !releases.loading && !releases.more;
  return (
    <Stack>
      <Radio.Group
        label="What"
        value={draft.what}
        onChange={(what) => change({ what: what as Draft["what"] })}
      >
        <Group mt="xs">
          <Radio value="release" label="Install a release" />
          <Radio value="document" label="Hand over a document of your own" />
        </Group>
      </Radio.Group>
      {draft.what === "release" ? (
        <>
          <Select
            label="Release"
            placeholder={releases.items.length > 0 || releases.loading ? "Choose one" : "No release yet"}
            searchable
            data={releases.items.map((it) => ({
              value: `${it.name}@${it.version}`,
              label: `${it.name} ${it.version}`,
            }))}
            value={draft.release || null}
            onChange={(release) => change({ release: release ?? "" })}
            error={
              shown.release ??
              fault(refused, "release") ??
              (unknown ? `There is no release ${draft.release.replace("@", " ")}.` : undefined)
            }
            openOnFocus={false}
          />
          <Trouble problem={releases.problem} />
          <Checkbox
            label="Also on devices that run it already"
            checked={draft.force}
            onChange={(event) => change({ force: event.currentTarget.checked })}
          />
        </>
      ) : (
        <JsonField
          label="Document"
          description="Devices get it as it is."
          autosize
          minRows={5}
          value={draft.document}
          onChange={(document) => change({ document })}
          error={shown.document ?? fault(refused, "document")}
        />
      )}
    </Stack>
  );
}

const KINDS: { value: TargetKind; label: string }[] = [
  { value: "query", label: "All that match a query" },
  { value: "type", label: "All of a type" },
  { value: "tag", label: "All with a tag" },
  { value: "group", label: "All in a group" },
  { value: "devices", label: "These devices" },
];

const HINTS: Record<TargetKind, string> = {
  query: "such as type==pump;tag==outdoor",
  type: "a type’s name",
  tag: "a tag",
  group: "a group’s path, such as eu/berlin",
  devices: "names, one per line",
};

function Whom({
  draft,
  change,
  shown,
  refused,
  matching,
}: Part & { matching: ReturnType<typeof useMatching> }) {
  const values = useValues(draft.targetKind);
  const input = {
    label: KINDS.find((kind) => kind.value === draft.targetKind)?.label ?? "",
    description: HINTS[draft.targetKind],
    value: draft.target,
    error: fault(matching.problem, "q") ?? shown.target ?? fault(refused, "targets"),
  };
  return (
    <Stack>
      <Radio.Group
        label="For whom"
        value={draft.targetKind}
        onChange={(kind) => change({ targetKind: kind as TargetKind, target: "" })}
      >
        <Stack mt="xs" gap="xs">
          {KINDS.map((kind) => (
            <Radio key={kind.value} {...kind} />
          ))}
        </Stack>
      </Radio.Group>
      {draft.targetKind === "devices" ? (
        <Textarea
          {...input}
          autosize
          minRows={3}
          onChange={(event) => change({ target: event.currentTarget.value })}
        />
      ) : draft.targetKind === "query" ? (
        <TextInput {...input} onChange={(event) => change({ target: event.currentTarget.value })} />
      ) : (
        <Autocomplete {...input} data={values} onChange={(target) => change({ target })} />
      )}
      <Text role="status" size="sm" c="dimmed">
        {matching.total === undefined
          ? " "
          : `${counted(matching.total, "device")} ${matching.total === 1 ? "matches" : "match"} now.`}
      </Text>
      <Trouble problem={matching.problem} shown={["q"]} />
    </Stack>
  );
}
