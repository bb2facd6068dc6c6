/** One device type as a form: `/types/new` and `/types/edit/$name`. */
import { useState } from "react";

import { Button, Checkbox, Fieldset, Group, Stack, TextInput } from "@mantine/core";

import { quoted } from "../../api/query";
import { fault, path, request, useAct, useRecord, type Page, type Schemas } from "../../kit/api";
import { NumberField } from "../../ui/NumberField";
import { useGo, usePart } from "../../kit/nav";
import { Confirmed, Loaded, Screen, Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { counted } from "../../ui/format";
import { fromType, NEW_TYPE, toSpec, type TypeForm } from "./form";
import { Attributes, Signers, Sources, Topics } from "./parts";

type DeviceType = Schemas["DeviceType"];

export function NewType() {
  return <Editor start={NEW_TYPE} />;
}

export function EditType() {
  const type = useRecord<DeviceType>(path("types", usePart("name")));
  // A newer version in the background must not wipe what is being typed: the form starts once.
  return (
    <Loaded record={type}>
      {(it) => <Editor key={it.name} start={fromType(it)} version={it.version} called={it.displayName} />}
    </Loaded>
  );
}

function Editor(props: { start: TypeForm; version?: number; called?: string | null }) {
  const { start, version, called } = props;
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
  const problem = save.error;
  const devices = useRecord<Page<Schemas["Device"]>>(
    based !== undefined && may("device.read") ? path("devices") : null,
    { q: `type==${quoted(form.name)}`, limit: 1 },
  );
  const count = devices.data?.total ?? 0;
  return (
    <Screen
      title={based === undefined ? "New device type" : (called ?? form.name)}
      about={called ? `${form.name} to devices and queries` : undefined}
      actions={
        based !== undefined && may("type.write") ? (
          <Confirmed
            label="Delete"
            title="Delete this type?"
            act={() => remove.mutateAsync()}
            held={
              count > 0
                ? `${counted(count, "device")} ${count === 1 ? "is" : "are"} of this type; give ${count === 1 ? "it" : "them"} another one first.`
                : null
            }
          >
            {form.name} goes for good.
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
        <Fieldset variant="unstyled" m={0} p={0} disabled={!may("type.write")}>
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
              <NumberField
                label="Expected in contact every (seconds)"
                description="Later than that, a device is overdue. Empty: an hour."
                min={1}
                value={form.contact}
                set={(contact) => change({ contact })}
                error={fault(problem, "contactIntervalSeconds")}
              />
              <NumberField
                label="Wait for a new version (seconds)"
                description="After a device said it succeeded. Empty: half an hour."
                min={1}
                value={form.verify}
                set={(verify) => change({ verify })}
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
            <Signers
              rows={form.signers}
              set={(signers) => change({ signers })}
              problem={problem}
              required={form.requireSignature}
              require={(requireSignature) => change({ requireSignature })}
            />
            <Topics rows={form.topics} set={(topics) => change({ topics })} problem={problem} />
            <Attributes
              rows={form.attributes}
              set={(attributes) => change({ attributes })}
              problem={problem}
            />
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
        </Fieldset>
      </form>
    </Screen>
  );
}
