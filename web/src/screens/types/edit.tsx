/** One device type as a form: `/types/new` and `/types/edit/$name`. */
import { useState } from "react";

import {
  ActionIcon,
  Button,
  Checkbox,
  Fieldset,
  Group,
  NumberInput,
  Select,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";

import { fault, path, request, useAct, useRecord, type ProblemError, type Schemas } from "../../kit/api";
import { useGo, usePart } from "../../kit/nav";
import { Confirmed, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { fromType, NEW_TYPE, pathOf, sourceKind, toSpec, type TypeForm } from "./form";

type DeviceType = Schemas["DeviceType"];

export function NewType() {
  return <Editor start={NEW_TYPE} />;
}

export function EditType() {
  const type = useRecord<DeviceType>(path("types", usePart("name")));
  if (type.error) return <Trouble problem={type.error} />;
  if (!type.data) return null;
  // A newer version in the background must not wipe what is being typed: the form starts once.
  return <Editor key={type.data.name} start={fromType(type.data)} version={type.data.version} />;
}

type Rows<T> = { rows: T[]; set: (rows: T[]) => void; problem: ProblemError | null };

function Editor({ start, version }: { start: TypeForm; version?: number }) {
  const may = useCan();
  const go = useGo();
  const [based] = useState(version);
  const [form, setForm] = useState(start);
  const change = (part: Partial<TypeForm>) => {
    save.reset();
    setForm((before) => ({ ...before, ...part }));
  };
  const target = path("types", form.name);
  const save = useAct<void, DeviceType>(
    () =>
      based === undefined
        ? request("POST", path("types"), { body: { name: form.name, ...toSpec(form) } })
        : request("PUT", target, { body: toSpec(form), headers: { "if-match": `"${based}"` } }),
    [path("types")],
    () => go("/types"),
  );
  const remove = useAct<void, unknown>(
    () => request("DELETE", target),
    [path("types")],
    () => go("/types"),
  );
  const number = (value: number | string) => (typeof value === "number" ? value : "");
  const problem = save.error;
  return (
    <Screen
      title={based === undefined ? "New device type" : form.name}
      actions={
        based !== undefined && may("type.write") ? (
          <Confirmed label="Delete" title="Delete this type?" act={() => remove.mutateAsync()}>
            {form.name} goes for good. A type that has devices stays.
          </Confirmed>
        ) : null
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack maw={760}>
          {based === undefined ? (
            <TextInput
              label="Name"
              required
              value={form.name}
              onChange={(event) => change({ name: event.currentTarget.value })}
              error={fault(problem, "name")}
            />
          ) : null}
          <TextInput
            label="Description"
            value={form.description}
            onChange={(event) => change({ description: event.currentTarget.value })}
            error={fault(problem, "description")}
          />
          <Group grow align="flex-start" preventGrowOverflow={false}>
            <NumberInput
              label="Expected in contact every (seconds)"
              description="Later than that, a device is overdue. Empty: an hour."
              min={1}
              value={form.contact}
              onChange={(value) => change({ contact: number(value) })}
              error={fault(problem, "contactIntervalSeconds")}
            />
            <NumberInput
              label="Wait for a new version (seconds)"
              description="After a device said it succeeded. Empty: half an hour."
              min={1}
              value={form.verify}
              onChange={(value) => change({ verify: number(value) })}
              error={fault(problem, "verifyTimeoutSeconds")}
            />
          </Group>
          <Checkbox
            label="Its devices renew their certificates"
            description="They get certificates of a year instead of twenty."
            checked={form.renews}
            onChange={(event) => change({ renews: event.currentTarget.checked })}
          />
          <Sources rows={form.sources} set={(sources) => change({ sources })} problem={problem} />
          <Topics rows={form.topics} set={(topics) => change({ topics })} problem={problem} />
          <Attributes rows={form.attributes} set={(attributes) => change({ attributes })} problem={problem} />
          <Trouble
            problem={problem}
            shown={["name", "description", "contactIntervalSeconds", "verifyTimeoutSeconds"]}
          />
          {may("type.write") ? (
            <Button type="submit" loading={save.isPending} style={{ alignSelf: "flex-start" }}>
              Save
            </Button>
          ) : null}
        </Stack>
      </form>
    </Screen>
  );
}

const at = <T,>(rows: T[], place: number, row: T) => rows.map((one, here) => (here === place ? row : one));
const without = <T,>(rows: T[], place: number) => rows.filter((_, here) => here !== place);

const Remove = ({ what, onClick }: { what: string; onClick: () => void }) => (
  <ActionIcon variant="subtle" aria-label={`Remove ${what}`} onClick={onClick} mb={4}>
    ✕
  </ActionIcon>
);

const Add = ({ children, onClick }: { children: string; onClick: () => void }) => (
  <Button variant="default" size="compact-sm" onClick={onClick} style={{ alignSelf: "flex-start" }}>
    {children}
  </Button>
);

function Sources({ rows, set, problem }: Rows<TypeForm["sources"][number]>) {
  return (
    <Fieldset legend="Where the running version shows">
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          Tried in order; {"{component}"} stands for a component’s name. None: reported firmware.version, then
          components.{"{component}"}.
        </Text>
        {rows.map((row, place) => (
          <Group key={place} gap="xs" align="flex-end">
            <Select
              aria-label={`Source ${place + 1}`}
              allowDeselect={false}
              w={220}
              data={[
                { value: "reported", label: "Reported in the shadow" },
                { value: "inventory", label: "Inventory" },
                { value: "nowhere", label: "Nowhere" },
              ]}
              value={sourceKind(row)}
              onChange={(kind) =>
                set(
                  at(
                    rows,
                    place,
                    kind === "nowhere"
                      ? "nowhere"
                      : kind === "inventory"
                        ? { inventory: pathOf(row) }
                        : { reported: pathOf(row) },
                  ),
                )
              }
            />
            {row === "nowhere" ? null : (
              <TextInput
                aria-label={`Path of source ${place + 1}`}
                placeholder="firmware.version"
                style={{ flex: 1, minWidth: 140 }}
                value={pathOf(row)}
                onChange={(event) => {
                  const text = event.currentTarget.value;
                  set(at(rows, place, "inventory" in row ? { inventory: text } : { reported: text }));
                }}
                error={fault(problem, `versionSources.${place}`)}
              />
            )}
            <Remove what={`source ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, { reported: "" }])}>Add a place</Add>
      </Stack>
    </Fieldset>
  );
}

function Topics({ rows, set, problem }: Rows<TypeForm["topics"][number]>) {
  return (
    <Fieldset legend="Topics of its own">
      <Stack gap="xs">
        <Text size="sm" c="dimmed">
          What devices publish outside the contract. {"{name}"} and {"{clientId}"} stand for the device, + for
          one level, a final # for all below.
        </Text>
        {rows.map((row, place) => (
          <Group key={place} gap="xs" align="flex-end">
            <TextInput
              aria-label={`Filter ${place + 1}`}
              placeholder="sites/+/{name}/values"
              style={{ flex: 1, minWidth: 160 }}
              value={row.filter}
              onChange={(event) => set(at(rows, place, { ...row, filter: event.currentTarget.value }))}
              error={fault(problem, `topicMap.${place}.filter`) ?? fault(problem, `topicMap.${place}`)}
            />
            <Select
              aria-label={`Meaning of filter ${place + 1}`}
              allowDeselect={false}
              w={140}
              data={["telemetry", "event", "log"]}
              value={row.target}
              onChange={(target) => set(at(rows, place, { ...row, target: target as typeof row.target }))}
            />
            <Remove what={`filter ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, { filter: "", target: "telemetry" }])}>Add a topic</Add>
      </Stack>
    </Fieldset>
  );
}

function Attributes({ rows, set, problem }: Rows<[string, string]>) {
  return (
    <Fieldset legend="Attributes that new devices start with">
      <Stack gap="xs">
        {rows.map(([key, value], place) => (
          <Group key={place} gap="xs" align="flex-end">
            <TextInput
              aria-label={`Attribute ${place + 1}`}
              value={key}
              style={{ flex: 1 }}
              onChange={(event) => set(at(rows, place, [event.currentTarget.value, value]))}
              error={fault(problem, `defaultAttributes.${key}`)}
            />
            <TextInput
              aria-label={`Value of attribute ${place + 1}`}
              value={value}
              style={{ flex: 1 }}
              onChange={(event) => set(at(rows, place, [key, event.currentTarget.value]))}
            />
            <Remove what={`attribute ${place + 1}`} onClick={() => set(without(rows, place))} />
          </Group>
        ))}
        <Add onClick={() => set([...rows, ["", ""]])}>Add an attribute</Add>
      </Stack>
    </Fieldset>
  );
}
