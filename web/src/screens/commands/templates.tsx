/** Command templates: named commands with typed parameters. A tab of `/commands`. */
import { useState } from "react";

import {
  ActionIcon,
  Button,
  Checkbox,
  Fieldset,
  Group,
  Select,
  Stack,
  TagsInput,
  TextInput,
} from "@mantine/core";

import { JsonField } from "../../ui/JsonField";
import { NumberField } from "../../ui/NumberField";
import { fault, path, request, useAct, type ListOf, type Schemas } from "../../kit/api";
import { Kept, SaveForm } from "../../kit/kept";
import { useCan } from "../../session/session";
import { span } from "../../kit/text";
import { readObject } from "./arguments";

type CommandTemplate = Schemas["CommandTemplate"];
type Parameter = Schemas["Parameter"];

type Editable = Omit<CommandTemplate, "version" | "fixedArguments" | "createdAt" | "updatedAt"> & {
  fixed: string;
  version?: number;
};

const NEW: Editable = { name: "", description: "", command: "", parameters: [], fixed: "", deviceTypes: [] };

export function Templates({ list }: { list: ListOf<CommandTemplate> }) {
  const may = useCan();
  return (
    <Kept<CommandTemplate, Editable>
      label="Command templates"
      under="command-templates"
      noun="template"
      list={list}
      writable={may("template.write")}
      columns={[
        { title: "Template", cell: (it) => it.name },
        { title: "Command", cell: (it) => it.command },
        {
          title: "Parameters",
          wide: true,
          cell: (it) => it.parameters.map((one) => one.name).join(", ") || "none",
        },
        {
          title: "Gives up after",
          wide: true,
          cell: (it) => (it.expiresInSeconds ? span(it.expiresInSeconds) : "the default"),
        },
      ]}
      start={NEW}
      edit={({ fixedArguments, ...it }) => ({
        ...it,
        fixed: Object.keys(fixedArguments).length ? JSON.stringify(fixedArguments, null, 2) : "",
      })}
      deleting={(it) => `${it.name} can no longer be chosen. Commands that were made with it go on.`}
      about="A template gives a command a name and asks for its arguments, so that nobody has to remember them."
      editor={(start, done) => <Editor start={start} done={done} />}
    />
  );
}

function Editor({ start, done }: { start: Editable; done: () => void }) {
  const [it, setIt] = useState(start);
  const change = (part: Partial<Editable>) => setIt((before) => ({ ...before, ...part }));
  const fixed = readObject(it.fixed);
  const save = useAct<void, unknown>(
    () =>
      request("PUT", path("command-templates", it.name), {
        headers: it.version ? { "if-match": `"${it.version}"` } : {},
        body: {
          description: it.description,
          command: it.command,
          parameters: it.parameters.map((one) => ({ ...one, choices: one.choices ?? [] })),
          fixedArguments: fixed.value ?? {},
          deviceTypes: it.deviceTypes,
          ...(it.expiresInSeconds ? { expiresInSeconds: it.expiresInSeconds } : {}),
        },
      }),
    [path("command-templates")],
    done,
  );
  const parameter = (at: number, part: Partial<Parameter>) =>
    change({ parameters: it.parameters.map((one, place) => (place === at ? { ...one, ...part } : one)) });
  const text = (name: "name" | "description" | "command", label: string, required: boolean) => (
    <TextInput
      label={label}
      required={required}
      value={it[name]}
      disabled={name === "name" && it.version !== undefined}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
      error={fault(save.error, name)}
    />
  );
  return (
    <SaveForm
      save={save}
      ready={fixed.problem === undefined}
      shown={["name", "description", "command", "fixedArguments", "deviceTypes", "expiresInSeconds"]}
    >
      {text("name", "Name", true)}
      {text("description", "Description", false)}
      {text("command", "Command", true)}
      <Fieldset legend="Parameters">
        <Stack gap="xs">
          {it.parameters.map((one, at) => (
            <Group key={at} align="flex-end" gap="xs">
              <TextInput
                label="Name"
                size="xs"
                required
                value={one.name}
                onChange={(event) => parameter(at, { name: event.currentTarget.value })}
              />
              <Select
                label="Type"
                size="xs"
                w={110}
                allowDeselect={false}
                data={["string", "number", "boolean"]}
                value={one.type}
                onChange={(type) => parameter(at, { type: (type ?? "string") as Parameter["type"] })}
              />
              <TagsInput
                label="Choices"
                size="xs"
                value={(one.choices ?? []).map(String)}
                onChange={(choices) =>
                  parameter(at, {
                    choices: one.type === "number" ? choices.map(Number) : choices,
                  })
                }
              />
              <Checkbox
                label="needed"
                checked={one.required}
                onChange={(event) => parameter(at, { required: event.currentTarget.checked })}
                mb={6}
              />
              <ActionIcon
                variant="subtle"
                aria-label={`Remove parameter ${one.name || at + 1}`}
                onClick={() => change({ parameters: it.parameters.filter((_, place) => place !== at) })}
              >
                ✕
              </ActionIcon>
            </Group>
          ))}
          <Button
            variant="default"
            size="compact-sm"
            style={{ alignSelf: "flex-start" }}
            onClick={() =>
              change({ parameters: [...it.parameters, { name: "", type: "string", required: false }] })
            }
          >
            Add a parameter
          </Button>
        </Stack>
      </Fieldset>
      <JsonField
        label="Arguments that are always sent"
        description="An object; may be empty."
        autosize
        value={it.fixed}
        onChange={(value) => change({ fixed: value })}
        error={fixed.problem ?? fault(save.error, "fixedArguments")}
      />
      <TagsInput
        label="For device types"
        description="Empty: any type."
        value={it.deviceTypes}
        onChange={(deviceTypes) => change({ deviceTypes })}
        error={fault(save.error, "deviceTypes")}
      />
      <NumberField
        label="Gives up after seconds"
        description="Empty: the server's default."
        min={1}
        value={it.expiresInSeconds ?? ""}
        set={(value) => change({ expiresInSeconds: value === "" ? null : value })}
        error={fault(save.error, "expiresInSeconds")}
      />
    </SaveForm>
  );
}
