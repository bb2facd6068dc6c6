/** Provisioning templates: what becomes of a device that enrols. */
import { useState } from "react";

import { Switch, TextInput } from "@mantine/core";

import { readObject } from "../commands/arguments";
import { fault, path, request, useAct, useList, type Schemas } from "../../kit/api";
import { Kept, SaveForm } from "../../kit/kept";
import { JsonField } from "../../ui/JsonField";
import { Status } from "../../ui/Status";
import { useCan } from "../../session/session";
import { Time } from "../../ui/Time";
import { STARTER } from "./starter";

type Template = Schemas["Template"];
type Editable = { name: string; text: string; enabled: boolean; version?: number };

export function Templates() {
  const may = useCan();
  return (
    <Kept<Template, Editable>
      label="Templates"
      under="templates"
      noun="template"
      list={useList<Template>(path("templates"))}
      writable={may("template.write")}
      columns={[
        { title: "Template", cell: (it) => it.name },
        {
          title: "State",
          cell: (it) => (
            <Status tone={it.enabled ? "good" : "off"}>{it.enabled ? "enabled" : "disabled"}</Status>
          ),
        },
        { title: "Changed", wide: true, cell: (it) => <Time at={it.updatedAt} /> },
      ]}
      start={{ name: "", text: JSON.stringify(STARTER, null, 2), enabled: true }}
      edit={({ name, body, enabled, version }) => ({
        name,
        text: JSON.stringify(body, null, 2),
        enabled,
        version,
      })}
      deleting={(it) => `No device can enrol with ${it.name} any more. Those that did stay as they are.`}
      about="A template says which name, type and attributes a device gets when it enrols."
      editor={(start, done) => <Editor start={start} done={done} />}
    />
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
    <SaveForm save={save} shown={["name"]} ready={body.value !== undefined}>
      <TextInput
        label="Name"
        required
        disabled={start.version !== undefined}
        value={it.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={fault(save.error, "name")}
      />
      <JsonField
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
    </SaveForm>
  );
}
