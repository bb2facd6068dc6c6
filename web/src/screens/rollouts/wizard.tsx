/** A new rollout in four steps: what, for whom, how, and one sentence that says what will happen: `/jobs/new`. */
import { useState } from "react";

import {
  Button,
  Checkbox,
  Group,
  NumberInput,
  Radio,
  Select,
  Stack,
  Stepper,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";

import { fault, path, request, useAct, useList, useRecord, type Page, type Schemas } from "../../kit/api";
import { useGo, useUrl } from "../../kit/nav";
import { Screen, Trouble, Notice } from "../../kit/parts";
import { JsonField } from "../../ui/JsonField";
import { counted } from "../../ui/format";
import { missing, START, summary, targetQuery, toJob, type Draft, type TargetKind } from "./draft";

type Change = (change: Partial<Draft>) => void;
type Part = { draft: Draft; change: Change; shown: Partial<Record<keyof Draft, string>> };

const STEPS: (keyof Draft)[][] = [["release", "document"], ["target"], ["waves"]];

export function NewRollout() {
  const [release] = useUrl("release");
  const [query] = useUrl("q");
  const [draft, setDraft] = useState<Draft>({ ...START, release, target: query });
  const [step, setStep] = useState(0);
  const [tried, setTried] = useState(-1);
  const go = useGo();
  const make = useAct<Draft, Schemas["Job"]>(
    (wanted) => request("POST", path("jobs"), { body: toJob(wanted) }),
    [path("jobs")],
    (job) => go(`/jobs/${job.id}`),
  );
  const matching = useMatching(draft.targetKind, draft.target);
  const problems = missing(draft);
  const blocked = (at: number) => (STEPS[at] ?? []).some((field) => problems[field] !== undefined);
  const next = () => {
    setTried(Math.max(tried, step));
    if (!blocked(step)) setStep(step + 1);
  };
  const change: Change = (part) => {
    make.reset();
    setDraft((before) => ({ ...before, ...part }));
  };
  const part = { draft, change, shown: tried >= step ? problems : {} };
  return (
    <Screen title="New rollout" about="Nothing happens before the last step.">
      <Stepper active={step} onStepClick={setStep} allowNextStepsSelect={false} size="sm">
        <Stepper.Step label="What">
          <What {...part} />
        </Stepper.Step>
        <Stepper.Step label="For whom">
          <Whom {...part} matching={matching} />
        </Stepper.Step>
        <Stepper.Step label="How">
          <How {...part} />
        </Stepper.Step>
        <Stepper.Step label="Check">
          <Stack maw={640} mt="md">
            <Text size="lg" data-testid="summary">
              {summary(draft, matching.total ?? 0)}
            </Text>
            {matching.total === 0 ? (
              <Notice color="yellow">
                No device matches now. Targets are frozen when the rollout is made.
              </Notice>
            ) : null}
            <TextInput
              label="What for"
              description="For the people who read it later; may be empty."
              value={draft.description}
              onChange={(event) => change({ description: event.currentTarget.value })}
            />
            <Trouble problem={make.error} />
          </Stack>
        </Stepper.Step>
      </Stepper>
      <Group>
        {step > 0 ? (
          <Button variant="default" onClick={() => setStep(step - 1)}>
            Back
          </Button>
        ) : null}
        {step < 3 ? (
          <Button onClick={next}>Next</Button>
        ) : (
          <Button loading={make.isPending} onClick={() => make.mutate(draft)}>
            {draft.begin === "now" ? "Roll out" : "Make it, to be started later"}
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

function What({ draft, change, shown }: Part) {
  const releases = useList<Schemas["Release"]>(path("releases"), { limit: 1000 });
  return (
    <Stack maw={640} mt="md">
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
            placeholder={releases.items.length === 0 ? "No release yet" : "Choose one"}
            searchable
            data={releases.items.map((it) => ({
              value: `${it.name}@${it.version}`,
              label: `${it.name} ${it.version}`,
            }))}
            value={draft.release || null}
            onChange={(release) => change({ release: release ?? "" })}
            error={shown.release}
          />
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
          error={shown.document}
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

function Whom({ draft, change, shown, matching }: Part & { matching: ReturnType<typeof useMatching> }) {
  const input = {
    label: KINDS.find((kind) => kind.value === draft.targetKind)?.label ?? "",
    description: HINTS[draft.targetKind],
    value: draft.target,
    error: shown.target ?? fault(matching.problem, "q"),
  };
  return (
    <Stack maw={640} mt="md">
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
      ) : (
        <TextInput {...input} onChange={(event) => change({ target: event.currentTarget.value })} />
      )}
      <Text role="status" size="sm" c="dimmed">
        {matching.total === undefined
          ? " "
          : `${counted(matching.total, "device")} ${matching.total === 1 ? "matches" : "match"} now.`}
      </Text>
    </Stack>
  );
}

function How({ draft, change, shown }: Part) {
  const number = (value: number | string) => (typeof value === "number" ? value : "");
  return (
    <Stack maw={640} mt="md">
      <Radio.Group
        label="Waves"
        value={draft.plan}
        onChange={(plan) => change({ plan: plan as Draft["plan"] })}
      >
        <Stack mt="xs" gap="xs">
          <Radio value="canary" label="One device, then 10%, then the rest" />
          <Radio value="everybody" label="Everybody at once" />
          <Radio value="own" label="Sizes of my own" />
        </Stack>
      </Radio.Group>
      {draft.plan === "own" ? (
        <TextInput
          label="Sizes of the waves"
          description="In order: numbers of devices or shares of all, such as 5, 20%. What is left over is the last wave."
          value={draft.waves}
          onChange={(event) => change({ waves: event.currentTarget.value })}
          error={shown.waves}
        />
      ) : null}
      <Group grow align="flex-start">
        <NumberInput
          label="Stop after more failures than"
          description="In a wave; empty: any number."
          min={0}
          value={draft.stopAfterCount}
          onChange={(value) => change({ stopAfterCount: number(value) })}
        />
        <NumberInput
          label="Or more percent than"
          description="Of those that finished; empty: any share."
          min={0}
          max={100}
          value={draft.stopAfterPercent}
          onChange={(value) => change({ stopAfterPercent: number(value) })}
        />
      </Group>
      <NumberInput
        label="Try a failed device again"
        description="By itself, so many times."
        min={0}
        max={10}
        value={draft.retries}
        onChange={(value) => change({ retries: Number(value) || 0 })}
      />
      <Radio.Group
        label="Begin"
        value={draft.begin}
        onChange={(begin) => change({ begin: begin as Draft["begin"] })}
      >
        <Group mt="xs">
          <Radio value="now" label="At once" />
          <Radio value="manually" label="When I start it" />
        </Group>
      </Radio.Group>
    </Stack>
  );
}
