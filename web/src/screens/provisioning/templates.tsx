/** Provisioning templates: what becomes of a device that enrols. */
import { useState } from "react";

import { Button, Group, JsonInput, Modal, Stack, Switch, TextInput } from "@mantine/core";

import { readObject } from "../commands/arguments";
import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Confirmed, Empty, Listing, Trouble } from "../../kit/parts";
import { Status } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { STARTER } from "./starter";

type Template = Schemas["Template"];
type Editable = { name: string; text: string; enabled: boolean; version?: number };

export function Templates() {
  const may = useCan();
  const list = useList<Template>(path("templates"));
  const [open, setOpen] = useState<Editable | null>(null);
  const remove = useAct<string, unknown>(
    (name) => request("DELETE", path("templates", name)),
    [path("templates")],
  );
  const edit = (it: Template) =>
    setOpen({
      name: it.name,
      text: JSON.stringify(it.body, null, 2),
      enabled: it.enabled,
      version: it.version,
    });
  const make = may("template.write") ? (
    <Button onClick={() => setOpen({ name: "", text: JSON.stringify(STARTER, null, 2), enabled: true })}>
      New template
    </Button>
  ) : null;
  return (
    <Stack>
      <Group justify="flex-end">{list.items.length > 0 ? make : null}</Group>
      <Listing
        label="Templates"
        list={list}
        keyOf={(it) => it.name}
        columns={[
          { title: "Template", cell: (it) => it.name },
          {
            title: "State",
            cell: (it) => (
              <Status tone={it.enabled ? "good" : "off"}>{it.enabled ? "enabled" : "disabled"}</Status>
            ),
          },
          { title: "Changed", wide: true, cell: (it) => <Time at={it.updatedAt} /> },
          {
            title: "Actions",
            cell: (it) =>
              may("template.write") ? (
                <Group gap="xs">
                  <Button size="compact-sm" variant="light" onClick={() => edit(it)}>
                    Change
                  </Button>
                  <Confirmed
                    label="Delete"
                    title="Delete this template?"
                    act={() => remove.mutateAsync(it.name)}
                  >
                    No device can enrol with {it.name} any more. Those that did stay as they are.
                  </Confirmed>
                </Group>
              ) : null,
          },
        ]}
        empty={
          <Empty title="No template yet" action={make}>
            A template says which name, type and attributes a device gets when it enrols.
          </Empty>
        }
      />
      <Modal
        closeButtonProps={{ "aria-label": "Close" }}
        opened={open !== null}
        onClose={() => setOpen(null)}
        title={open?.version ? open.name : "New template"}
        size="xl"
        closeOnClickOutside={false}
      >
        {open ? <Editor start={open} done={() => setOpen(null)} /> : null}
      </Modal>
    </Stack>
  );
}

function Editor({ start, done }: { start: Editable; done: () => void }) {
  const [it, setIt] = useState(start);
  const change = (part: Partial<Editable>) => setIt((before) => ({ ...before, ...part }));
  const body = readObject(it.text);
  const save = useAct<void, unknown>(
    () =>
      request("PUT", path("templates", it.name), {
        body: { body: body.value, enabled: it.enabled },
        headers: start.version ? { "if-match": `"${start.version}"` } : {},
      }),
    [path("templates")],
    done,
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (body.value) save.mutate();
      }}
    >
      <Stack>
        <TextInput
          label="Name"
          required
          disabled={start.version !== undefined}
          value={it.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={fault(save.error, "name")}
        />
        <JsonInput
          label="What it says"
          description="Parameters and Resources, as in the AWS-compatible provisioning API."
          autosize
          minRows={12}
          maxRows={24}
          value={it.text}
          onChange={(text) => change({ text })}
          error={body.problem ?? (body.value ? undefined : "It must be an object.")}
        />
        <Switch
          label="Devices may use it"
          checked={it.enabled}
          onChange={(event) => change({ enabled: event.currentTarget.checked })}
        />
        <Trouble problem={save.error} shown={["name"]} />
        <Group justify="flex-end">
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
