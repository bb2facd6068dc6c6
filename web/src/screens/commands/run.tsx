/** A command to one device or to all that match a query: the form of `/commands`. */
import { useState } from "react";

import { Button, Select, Stack, Switch, Text, TextInput } from "@mantine/core";

import { fault, path, request, useAct, type Schemas } from "../../kit/api";
import { useGo, useUrl } from "../../kit/nav";
import { Trouble } from "../../kit/parts";
import { JsonField } from "../../ui/JsonField";
import { NumberField } from "../../ui/NumberField";
import { counted } from "../../ui/format";
import { useMatching } from "../rollouts/wizard";
import { readArguments, readObject, type Typed } from "./arguments";

type CommandTemplate = Schemas["CommandTemplate"];

export function Run({ templates }: { templates: CommandTemplate[] }) {
  const go = useGo();
  const [fromUrl] = useUrl("q");
  const [query, setQuery] = useState(fromUrl);
  const [template, setTemplate] = useState<string | null>(null);
  const [command, setCommand] = useState("");
  const [free, setFree] = useState("");
  const [typed, setTyped] = useState<Typed>({});
  const [minutes, setMinutes] = useState<number | "">(60);
  const [tried, setTried] = useState(false);
  const matching = useMatching("query", query);
  const chosen = templates.find((it) => it.name === template);
  const named = readArguments(chosen?.parameters ?? [], typed);
  const object = readObject(free);
  const run = useAct<void, Schemas["Job"]>(
    () =>
      request("POST", path("jobs"), {
        body: {
          kind: "command",
          targets: { query: query.trim() },
          command: {
            ...(chosen
              ? { template: chosen.name, arguments: named.values }
              : { command: command.trim(), ...(object.value ? { arguments: object.value } : {}) }),
            ...(minutes === "" ? {} : { expiresInSeconds: minutes * 60 }),
          },
        },
      }),
    [path("jobs")],
    (job) => go(`/jobs/${job.id}`),
  );
  const problems = {
    query: query.trim() === "" ? "Say for which devices." : undefined,
    command: !chosen && command.trim() === "" ? "Say what to run." : undefined,
  };
  const blocked =
    Object.values(problems).some(Boolean) ||
    (chosen ? Object.keys(named.problems).length > 0 : object.problem !== undefined);
  const shown = <T,>(problem: T) => (tried ? problem : undefined);
  return (
    <form
      aria-label="Run a command"
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (!blocked) run.mutate();
      }}
    >
      <Stack maw={640}>
        <TextInput
          label="Devices"
          description="A query, such as name==pump-1 or type==pump;tag==outdoor."
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
          error={shown(problems.query) ?? fault(matching.problem, "q")}
        />
        <Text role="status" size="sm" c="dimmed">
          {matching.total === undefined
            ? " "
            : `${counted(matching.total, "device")} ${matching.total === 1 ? "matches" : "match"} now.`}
        </Text>
        <Select
          label="Template"
          placeholder="None: a command of my own"
          clearable
          data={templates.map((it) => it.name)}
          value={template}
          onChange={setTemplate}
          description={chosen?.description}
        />
        {chosen ? (
          <Parameters
            template={chosen}
            typed={typed}
            set={(name, value) => setTyped((before) => ({ ...before, [name]: value }))}
            problems={tried ? named.problems : {}}
          />
        ) : (
          <>
            <TextInput
              label="Command"
              description="A word that the devices understand, such as reboot."
              value={command}
              onChange={(event) => setCommand(event.currentTarget.value)}
              error={shown(problems.command)}
            />
            <JsonField
              label="Arguments"
              description="An object; may be empty."
              autosize
              minRows={2}
              value={free}
              onChange={setFree}
              error={shown(object.problem)}
            />
          </>
        )}
        <NumberField
          label="Give up after minutes"
          description="A device that comes back later never gets it."
          min={1}
          max={525_600}
          value={minutes}
          set={setMinutes}
        />
        <Trouble problem={run.error} />
        <Button type="submit" loading={run.isPending} style={{ alignSelf: "flex-start" }}>
          {matching.total === undefined ? "Run" : `Run on ${counted(matching.total, "device")}`}
        </Button>
      </Stack>
    </form>
  );
}

function Parameters(props: {
  template: CommandTemplate;
  typed: Typed;
  set: (name: string, value: string | boolean) => void;
  problems: Record<string, string>;
}) {
  return props.template.parameters.map((parameter) => {
    const common = { label: parameter.name, description: parameter.description ?? undefined };
    const value = props.typed[parameter.name];
    const placeholder =
      parameter.default === undefined || parameter.default === null ? "" : String(parameter.default);
    if (parameter.type === "boolean") {
      return (
        <Switch
          key={parameter.name}
          {...common}
          checked={value === undefined ? parameter.default === true : value === true}
          onChange={(event) => props.set(parameter.name, event.currentTarget.checked)}
        />
      );
    }
    const shared = {
      ...common,
      placeholder,
      required: parameter.required,
      error: props.problems[parameter.name],
    };
    return parameter.choices?.length ? (
      <Select
        key={parameter.name}
        {...shared}
        clearable
        data={parameter.choices.map(String)}
        value={value === undefined ? null : String(value)}
        onChange={(next) => props.set(parameter.name, next ?? "")}
      />
    ) : (
      <TextInput
        key={parameter.name}
        {...shared}
        value={value === undefined ? "" : String(value)}
        onChange={(event) => props.set(parameter.name, event.currentTarget.value)}
      />
    );
  });
}
