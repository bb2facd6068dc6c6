/** A release made by dropping files: `/releases/new`. */
import { useEffect, useRef, useState } from "react";

import {
  Accordion,
  Autocomplete,
  Button,
  FileButton,
  Group,
  Paper,
  Progress,
  SimpleGrid,
  Stack,
  TagsInput,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";

import { fault, path, type ProblemError, useAct, useList, type Schemas } from "../../kit/api";
import { useGo } from "../../kit/nav";
import { Digest, NotAllowed, Notice, Screen, Trouble, useFaultInSight } from "../../kit/parts";
import { useCan } from "../../session/session";
import { bytes, sentence } from "../../ui/format";
import { ContentFacts } from "./content";
import { guess } from "./guess";
import { releaseTo } from "./list";
import { Obstacle } from "./obstacle";
import { discard, InTheWay, make, makeInPlaceOf, type Rules, type Wanted } from "./make";
import { upload } from "./upload";

type Artifact = Schemas["Artifact"];
type Dropped = {
  key: number;
  file: File;
  share: number;
  /** The server does not answer; it is tried again. */
  waiting: boolean;
  artifact?: Artifact;
  problem?: ProblemError;
  stop: AbortController;
};
const SHOWN = [
  ...["name", "version", "type", "deviceTypes", "notes"],
  ...["rules.hardware", "rules.minimumSource", "rules.maximumSource", "rules.step"],
];

const NOTHING = { name: "", version: "", kind: "firmware", types: [] as string[], notes: "" };
const ANY: Rules = { hardware: [], minimumSource: "", maximumSource: "", step: "" };

export function NewRelease() {
  return useCan()("release.write") ? (
    <Form />
  ) : (
    <NotAllowed title="New release" who="Administrators and operators make releases." />
  );
}

function Form() {
  const go = useGo();
  const [form, setForm] = useState(NOTHING);
  const [rules, setRules] = useState(ANY);
  const [files, setFiles] = useState<Dropped[]>([]);
  const types = useList<Schemas["DeviceType"]>(path("types"), { limit: 1000 });
  const unmade = useUnmade(files);
  const act = useAct<Wanted & { replacing: boolean }, Schemas["Release"]>(
    ({ replacing, ...wanted }) => (replacing ? makeInPlaceOf(wanted) : make(wanted)),
    [path("releases"), path("artifacts"), path("components")],
    (release) => {
      unmade.current = [];
      go(releaseTo(release));
    },
  );
  useFaultInSight(act.error);
  const change = (part: Partial<typeof NOTHING>) => {
    act.reset();
    setForm((before) => ({ ...before, ...part }));
  };
  /** A version that a file says of itself, where nobody has named one. */
  const version = ({ content }: Artifact) => {
    const said = content?.version;
    if (said) setForm((before) => (before.version === "" ? { ...before, version: said } : before));
  };
  const add = (dropped: File[]) => {
    const first = dropped[0];
    if (first && form.name === "" && form.version === "") change(guess(first.name));
    for (const file of dropped) begin(file, setFiles, version);
  };
  const uploading = files.some((it) => !it.artifact && !it.problem);
  const artifacts = files.flatMap((it) => (it.artifact ? [it.artifact] : []));
  const send = (replacing: boolean) => act.mutate({ ...form, artifacts, rules, replacing });
  const broken = files.find((it) => it.problem);
  const lacking =
    files.length === 0
      ? "Drop a file first."
      : uploading
        ? "The upload is under way."
        : broken
          ? `Leave out ${broken.file.name}, which cannot be used.`
          : null;
  return (
    <Screen title="New release" about="Drop what devices shall install; name it; done.">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(false);
        }}
      >
        <Stack maw={720}>
          <Drop add={add} />
          {files.map((it) => (
            <FileLine
              key={it.key}
              it={it}
              remove={() => {
                it.stop.abort();
                // Nothing else can have it yet, and it would count towards the quota.
                if (it.artifact) void discard([it.artifact]);
                setFiles((before) => before.filter((other) => other.key !== it.key));
                // What was only guessed from its name goes with it.
                const guessed = guess(it.file.name);
                if (form.name === guessed.name && guessed.version === form.version)
                  change({ name: "", version: "" });
              }}
            />
          ))}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name"
              required
              value={form.name}
              onChange={(event) => change({ name: event.currentTarget.value })}
              error={fault(act.error, "name")}
            />
            <TextInput
              label="Version"
              required
              value={form.version}
              onChange={(event) => change({ version: event.currentTarget.value })}
              error={fault(act.error, "version")}
            />
          </SimpleGrid>
          <Autocomplete
            label="Kind"
            data={["firmware", "application", "os"]}
            value={form.kind}
            onChange={(kind) => change({ kind })}
            error={fault(act.error, "type")}
          />
          <TagsInput
            label="For device types"
            description="Empty: any type."
            data={types.items.map((type) => type.name)}
            value={form.types}
            onChange={(chosen) => change({ types: chosen })}
            error={fault(act.error, "deviceTypes")}
          />
          <Textarea
            label="Notes"
            autosize
            minRows={2}
            value={form.notes}
            onChange={(event) => change({ notes: event.currentTarget.value })}
            error={fault(act.error, "notes")}
          />
          <RuleFields
            rules={rules}
            change={(part) => {
              act.reset();
              setRules((before) => ({ ...before, ...part }));
            }}
            refused={act.error}
          />
          {act.error instanceof InTheWay ? (
            <Obstacle
              component={act.error.component}
              replace={() => send(true)}
              busy={act.isPending}
              held={lacking !== null}
            />
          ) : (
            <Trouble problem={act.error} shown={SHOWN} />
          )}
          <Group>
            <Button type="submit" loading={act.isPending} disabled={lacking !== null}>
              Make the release
            </Button>
            {lacking ? (
              <Text size="sm" c="dimmed">
                {lacking}
              </Text>
            ) : null}
          </Group>
        </Stack>
      </form>
    </Screen>
  );
}

/** What was uploaded for a release that is not made goes when the page is left: it would count towards the quota. */
function useUnmade(files: Dropped[]) {
  const unmade = useRef<Dropped[]>([]);
  useEffect(() => {
    unmade.current = files;
  }, [files]);
  useEffect(
    () => () => {
      for (const it of unmade.current) it.stop.abort();
      void discard(unmade.current.flatMap((it) => (it.artifact ? [it.artifact] : [])));
    },
    [],
  );
  return unmade;
}

/** What a device must be before it may get it; most releases leave it open. */
function RuleFields(props: {
  rules: Rules;
  change: (part: Partial<Rules>) => void;
  refused: ProblemError | null;
}) {
  const { rules, change, refused } = props;
  const source = (name: "minimumSource" | "maximumSource" | "step", label: string, hint: string) => (
    <TextInput
      label={label}
      description={hint}
      value={rules[name]}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
      error={fault(refused, `rules.${name}`)}
    />
  );
  // What is wrong stays in sight, whatever is folded away.
  const [open, setOpen] = useState<string | null>(null);
  const isWrong = refused?.fields.some((bad) => bad.field.startsWith("rules."));
  return (
    <Accordion variant="separated" value={isWrong ? "rules" : open} onChange={setOpen}>
      <Accordion.Item value="rules">
        <Accordion.Control>Which devices may get it</Accordion.Control>
        <Accordion.Panel>
          <Stack gap="sm">
            <TagsInput
              label="Hardware"
              description="As devices say it under hardware, in inventory or attributes. None: any."
              value={rules.hardware}
              onChange={(hardware) => change({ hardware })}
              error={fault(refused, "rules.hardware")}
            />
            <SimpleGrid cols={{ base: 1, sm: 3 }}>
              {source("minimumSource", "Oldest it may replace", "Empty: any.")}
              {source("maximumSource", "Newest it may replace", "Empty: any.")}
              {source("step", "Only after", "Installed before.")}
            </SimpleGrid>
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

/** Why a file is not taken: what was found in it, or else what kept it from arriving. */
function Unusable({ problem }: { problem: ProblemError }) {
  const found = problem.fields.map((it) => it.problem);
  if (found.length === 0) return <Trouble problem={problem} />;
  return (
    <Notice color="red" title="This file cannot be used" mt="xs">
      {found.map((it) => sentence(it)).join(" ")} Make it anew, or leave it out.
    </Notice>
  );
}

let nextKey = 0;

/** Starts the upload of one file and keeps its line up to date. */
function begin(
  file: File,
  set: (change: (before: Dropped[]) => Dropped[]) => void,
  arrived: (artifact: Artifact) => void,
) {
  nextKey += 1;
  const key = nextKey;
  const stop = new AbortController();
  const update = (part: Partial<Dropped>) =>
    set((before) => before.map((it) => (it.key === key ? { ...it, ...part } : it)));
  set((before) => [...before, { key, file, share: 0, waiting: false, stop }]);
  upload(file, (share, waiting) => update({ share, waiting }), stop.signal).then(
    (artifact) => {
      update({ artifact, share: 1, waiting: false });
      arrived(artifact);
    },
    (error: unknown) => update({ problem: error as ProblemError }),
  );
}

function Drop({ add }: { add: (files: File[]) => void }) {
  const [over, setOver] = useState(false);
  const reset = useRef<() => void>(null);
  return (
    <Paper
      withBorder
      p="xl"
      data-testid="drop"
      bg={over ? "var(--mantine-primary-color-light)" : (undefined as never)}
      style={{ borderStyle: "dashed", textAlign: "center" }}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        add([...event.dataTransfer.files]);
      }}
    >
      <Text mb="xs">Drop files here</Text>
      <FileButton
        multiple
        resetRef={reset}
        onChange={(chosen) => {
          add(chosen);
          reset.current?.();
        }}
        inputProps={{ "aria-label": "Files" }}
      >
        {(props) => (
          <Button variant="default" {...props}>
            Choose files
          </Button>
        )}
      </FileButton>
    </Paper>
  );
}

function FileLine({ it, remove }: { it: Dropped; remove: () => void }) {
  return (
    <Paper withBorder p="sm">
      <Group justify="space-between" wrap="nowrap">
        <Text style={{ overflowWrap: "anywhere" }}>{it.file.name}</Text>
        <Group gap="xs" wrap="nowrap">
          <Text size="sm" c="dimmed">
            {bytes(it.file.size)}
          </Text>
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={remove}
            aria-label={`Leave out ${it.file.name}`}
          >
            Leave out
          </Button>
        </Group>
      </Group>
      {it.artifact ? (
        <Stack gap="xs">
          <Group gap="xs">
            <Text size="sm">SHA-256</Text>
            <Digest value={it.artifact.sha256} />
          </Group>
          {it.artifact.content ? <ContentFacts content={it.artifact.content} /> : null}
        </Stack>
      ) : it.problem ? (
        <Unusable problem={it.problem} />
      ) : (
        <>
          <Progress value={it.share * 100} aria-label={`Upload of ${it.file.name}`} mt="xs" />
          <Text size="xs" c="dimmed" mt={4} role="status">
            {it.waiting
              ? "The server does not answer; the upload goes on by itself when it does."
              : `${bytes(Math.round(it.share * it.file.size))} of ${bytes(it.file.size)}`}
          </Text>
        </>
      )}
    </Paper>
  );
}
