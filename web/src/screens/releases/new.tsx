/** A release made by dropping files: `/releases/new`. */
import { useRef, useState } from "react";

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

import { fault, path, ProblemError, request, useAct, useList, type Schemas } from "../../kit/api";
import { useGo } from "../../kit/nav";
import { Digest, NotAllowed, Notice, Screen, Trouble, useFaultInSight } from "../../kit/parts";
import { useCan } from "../../session/session";
import { bytes, sentence } from "../../ui/format";
import { ContentFacts } from "./content";
import { guess } from "./guess";
import { releaseTo } from "./list";
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
type Wanted = {
  name: string;
  version: string;
  kind: string;
  types: string[];
  notes: string;
  artifacts: number[];
  rules: Rules;
};

type Rules = { hardware: string[]; minimumSource: string; maximumSource: string; step: string };

const SHOWN = [
  ...["name", "version", "type", "deviceTypes", "notes"],
  ...["rules.hardware", "rules.minimumSource", "rules.maximumSource", "rules.step"],
];

const NOTHING = { name: "", version: "", kind: "firmware", types: [] as string[], notes: "" };
const ANY: Rules = { hardware: [], minimumSource: "", maximumSource: "", step: "" };

/** The component and then the release; a component that was made just now with the same files is taken as it is. */
async function make(wanted: Wanted): Promise<Schemas["Release"]> {
  const { name, version } = wanted;
  try {
    await request("POST", path("components"), {
      body: { name, version, type: wanted.kind, artifacts: wanted.artifacts },
    });
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== "component.exists") throw error;
    const there = await request<Schemas["Component"]>("GET", path("components", name, version), {
      query: { type: wanted.kind },
    });
    const same =
      there.artifacts.length === wanted.artifacts.length &&
      there.artifacts.every((artifact, at) => artifact.id === wanted.artifacts[at]);
    if (!same) throw error;
  }
  const said = Object.entries(wanted.rules).filter(([, value]) => value.length > 0);
  return request("POST", path("releases"), {
    body: {
      name,
      version,
      components: [{ name, version, type: wanted.kind }],
      deviceTypes: wanted.types,
      notes: wanted.notes,
      ...(said.length > 0 ? { rules: Object.fromEntries(said) } : {}),
    },
  });
}

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
  const act = useAct(make, [path("releases"), path("artifacts"), path("components")], (release) =>
    go(releaseTo(release)),
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
    for (const file of dropped) send(file, setFiles, version);
  };
  const uploading = files.some((it) => !it.artifact && !it.problem);
  const artifacts = files.flatMap((it) => (it.artifact ? [it.artifact.id] : []));
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
          act.mutate({ ...form, artifacts, rules });
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
                if (it.artifact) request("DELETE", path("artifacts", it.artifact.id)).catch(() => undefined);
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
          <Trouble problem={act.error} shown={SHOWN} />
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
function send(
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
