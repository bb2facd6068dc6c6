// A command to one device or to many: from a template or freely written.
import { Button, Checkbox, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ProblemError, take, type Schemas } from "../../api/client";
import { JsonField } from "../../ui/JsonField";
import { useApiForm } from "../../ui/form";
import { Trouble } from "../../ui/Trouble";
import { readObject } from "../commands/arguments";

type CommandBody = Schemas["NewCommand"];
type CommandParameter = Schemas["Parameter"];
type CommandTemplate = Schemas["CommandTemplate"];

interface Draft {
  template: string;
  command: string;
  json: string;
  named: Record<string, string | number | boolean>;
}

const FREE = "";

export function CommandForm(props: {
  submitLabel: string;
  onSubmit: (command: CommandBody) => Promise<void>;
}) {
  const templates = useQuery({
    queryKey: ["command-template", "list"],
    queryFn: () => take(api.GET("/api/v1/command-templates", { params: { query: { limit: 200 } } })),
    retry: false,
  });
  const items = (templates.data?.items ?? []) as CommandTemplate[];
  const form = useApiForm<Draft>({
    initial: { template: FREE, command: "", json: "", named: {} },
    fields: ["command", "template", "arguments"],
    submit: (draft) => props.onSubmit(bodyOf(draft, items)),
  });
  const template = items.find((item) => item.name === form.values.template);
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        {items.length > 0 ? (
          <Select
            label="Template"
            allowDeselect={false}
            data={[
              { value: FREE, label: "Freely written" },
              ...items.map((item) => ({ value: item.name, label: item.name })),
            ]}
            value={form.values.template}
            onChange={(name) => form.set({ template: name ?? FREE, named: {} })}
            error={form.fieldError("template")}
          />
        ) : null}
        {template ? (
          <>
            {template.description ? <Text size="sm">{template.description}</Text> : null}
            {template.parameters.map((parameter) => (
              <Parameter
                key={parameter.name}
                parameter={parameter}
                value={form.values.named[parameter.name]}
                error={form.fieldError(`arguments.${parameter.name}`)}
                onChange={(value) => form.set({ named: { ...form.values.named, [parameter.name]: value } })}
              />
            ))}
          </>
        ) : (
          <>
            <TextInput
              label="Command"
              placeholder="reboot"
              required
              autoComplete="off"
              className="mono"
              data-autofocus
              value={form.values.command}
              onChange={(event) => form.set({ command: event.currentTarget.value })}
              error={form.fieldError("command")}
            />
            <JsonField
              label="Arguments"
              description="A JSON object, if the command takes any"
              placeholder='{"delaySeconds": 5}'
              autosize
              minRows={2}
              maxRows={10}
              className="mono"
              value={form.values.json}
              onChange={(json) => form.set({ json })}
              error={form.fieldError("arguments")}
            />
          </>
        )}
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            {props.submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Parameter(props: {
  parameter: CommandParameter;
  value: string | number | boolean | undefined;
  error?: string;
  onChange: (value: string | number | boolean) => void;
}) {
  const { parameter, error, onChange } = props;
  const value = props.value ?? (parameter.default as string | number | boolean | undefined);
  const common = {
    label: parameter.name,
    description: parameter.description,
    error,
    required: parameter.required && parameter.type !== "boolean",
  };
  if (parameter.choices?.length)
    return (
      <Select
        {...common}
        data={parameter.choices.map(String)}
        value={value === undefined ? null : String(value)}
        onChange={(next) => next !== null && onChange(parameter.type === "number" ? Number(next) : next)}
      />
    );
  switch (parameter.type) {
    case "boolean":
      return (
        <Checkbox
          {...common}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "number":
      return (
        <NumberInput {...common} value={value as number | undefined} onChange={(next) => onChange(next)} />
      );
    case "string":
      return (
        <TextInput
          {...common}
          value={(value as string | undefined) ?? ""}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

function bodyOf(draft: Draft, templates: CommandTemplate[]): CommandBody {
  const template = templates.find((item) => item.name === draft.template);
  if (template) return { template: template.name, arguments: draft.named };
  if (!draft.json.trim()) return { command: draft.command.trim() };
  const { value, problem } = readObject(draft.json);
  if (problem) {
    throw new ProblemError(0, "console.invalid", "The arguments cannot be sent", problem, [
      { field: "arguments", problem },
    ]);
  }
  return { command: draft.command.trim(), ...(value ? { arguments: value } : {}) };
}
