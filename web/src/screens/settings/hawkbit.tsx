/** What lets hawkBit's clients in, and how often they ask: a tab of `/settings`. */
import { useState } from "react";

import {
  Button,
  Checkbox,
  Fieldset,
  Group,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Textarea,
} from "@mantine/core";

import { fault, path, request, useAct, useRecord, type ProblemError, type Schemas } from "../../kit/api";
import { Loaded, Notice, Trouble, useFaultInSight } from "../../kit/parts";
import { useCan } from "../../session/session";
import { NumberField } from "../../ui/NumberField";
import { done } from "../../ui/toast";
import { changed, known, type Value, type Values } from "./values";

type Settings = Schemas["HawkbitSettings"];

interface Field {
  key: string;
  label: string;
  hint?: string;
  kind: "flag" | "number" | "text" | "lines" | "secret";
}

const GROUPS: { legend: string; fields: Field[] }[] = [
  {
    legend: "How devices prove who they are",
    fields: [
      {
        key: "authentication.targettoken.enabled",
        label: "By a token of their own",
        hint: "Each device’s token is on its page, under Credentials.",
        kind: "flag",
      },
      {
        key: "authentication.gatewaytoken.enabled",
        label: "By one token for all",
        hint: "Whoever knows it may be any device that has no credential of its own.",
        kind: "flag",
      },
      { key: "authentication.gatewaytoken.key", label: "The token for all", kind: "secret" },
      {
        key: "authentication.header.enabled",
        label: "By a trusted proxy that checked their certificate",
        hint: "The proxy’s address must be in the server’s configuration: trusted_proxies.",
        kind: "flag",
      },
      {
        key: "authentication.header.authority",
        label: "Issuers that the proxy may name",
        hint: "Hashes, separated by commas.",
        kind: "text",
      },
      {
        key: "authentication.certificate.authorities",
        label: "By a certificate of an authority of your own",
        hint: "CA certificates, PEM. Whoever has a client certificate of theirs is the device that it names, on the device port.",
        kind: "lines",
      },
      {
        key: "authentication.anonymous.enabled",
        label: "Not at all",
        hint: "Anybody can be any device then; for tests only.",
        kind: "flag",
      },
    ],
  },
  {
    legend: "How often devices ask",
    fields: [
      {
        key: "pollingTime",
        label: "Polling time",
        hint: "HH:MM:SS, with jitter and exceptions such as 00:05:00~10%, tag==lab -> 00:00:30.",
        kind: "text",
      },
      { key: "pollingOverdueTime", label: "Overdue after", hint: "Beyond its polling time.", kind: "text" },
      { key: "minPollingTime", label: "Shortest polling time", kind: "text" },
      {
        key: "maintenanceWindowPollCount",
        label: "Polls before a maintenance window opens",
        kind: "number",
      },
    ],
  },
  {
    legend: "Updates made with hawkBit’s Management API",
    fields: [
      {
        key: "user.confirmation.flow.enabled",
        label: "Updates wait for a confirmation at the device",
        hint: "A rollout made here says so itself, under People.",
        kind: "flag",
      },
      {
        key: "repository.actions.autoclose.enabled",
        label: "A new assignment ends open ones at once",
        hint: "Instead of asking the device to stop.",
        kind: "flag",
      },
      {
        key: "multi.assignments.enabled",
        label: "A device may have several assignments at once",
        kind: "flag",
      },
      {
        key: "rollout.approval.enabled",
        label: "Rollouts wait for the approval of a second person",
        kind: "flag",
      },
      {
        key: "auto.assignment.approval.enabled",
        label: "What filters assign by themselves waits for the approval of a second person",
        hint: "The overview says what waits; it is approved or denied under Rollouts, Auto assignments.",
        kind: "flag",
      },
      {
        key: "action.queued.days",
        label: "Days that an action waits for its device",
        hint: "From 1 to 365. Whoever has not begun by then has failed. It counts for what is made from then on.",
        kind: "number",
      },
    ],
  },
];

export function HawkbitSettings() {
  const settings = useRecord<Settings>(path("settings", "hawkbit"));
  // What comes in the background must not wipe what is being typed: the form starts once.
  return <Loaded record={settings}>{(it) => <Form start={known(it.settings)} />}</Loaded>;
}

function Form({ start }: { start: Values }) {
  const may = useCan()("server.manage");
  const [from, setFrom] = useState(start);
  const [values, setValues] = useState(start);
  const changes = changed(from, values);
  const save = useAct<void, Settings>(
    () => request("PUT", path("settings", "hawkbit"), { body: { values: changes } }),
    [path("settings")],
    (after) => {
      const next = known(after.settings);
      setFrom(next);
      setValues(next);
      done("The settings are in force.");
    },
  );
  useFaultInSight(save.error);
  const set = (key: string, value: Value) => {
    save.reset();
    setValues((before) => ({ ...before, [key]: value }));
  };
  const shown = GROUPS.flatMap((group) => group.fields.flatMap(({ key }) => [key, `values.${key}`]));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack maw={720}>
        <Text size="sm" c="dimmed">
          SWUpdate, RAUC’s hawkBit updater, Zephyr and others speak to this server without a change. Devices
          with a certificate of this server are let in; nobody else is until one of the ways below is set.
        </Text>
        {values["authentication.anonymous.enabled"] === true ? (
          <Notice color="red" title="Nobody has to prove anything">
            Anybody who reaches this server can be any device that has no credential of its own.
          </Notice>
        ) : null}
        {GROUPS.map((group) => (
          <Fieldset key={group.legend} legend={group.legend} disabled={!may}>
            <Stack gap="sm">
              {group.fields
                .filter((field) => field.key in values || field.kind === "secret")
                .map((field) => (
                  <Input
                    key={field.key}
                    field={field}
                    value={values[field.key]}
                    set={(value) => set(field.key, value)}
                    problem={save.error}
                  />
                ))}
            </Stack>
          </Fieldset>
        ))}
        <Trouble problem={save.error} shown={shown} />
        {may ? (
          <Group>
            <Button type="submit" loading={save.isPending} disabled={Object.keys(changes).length === 0}>
              Save
            </Button>
          </Group>
        ) : null}
      </Stack>
    </form>
  );
}

function Input({
  field,
  value,
  set,
  problem,
}: {
  field: Field;
  value: Value | undefined;
  set: (value: Value) => void;
  problem: ProblemError | null;
}) {
  const common = {
    label: field.label,
    description: field.hint,
    error: fault(problem, `values.${field.key}`) ?? fault(problem, field.key),
  };
  switch (field.kind) {
    case "flag":
      return (
        <Checkbox
          {...common}
          checked={value === true}
          onChange={(event) => set(event.currentTarget.checked)}
        />
      );
    case "number":
      return (
        <NumberField
          {...common}
          value={typeof value === "number" ? value : ""}
          set={(next) => set(next === "" ? null : next)}
        />
      );
    case "text":
      return (
        <TextInput
          {...common}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "lines":
      return (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={12}
          spellCheck={false}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
    case "secret":
      return (
        <PasswordInput
          {...common}
          aria-invalid={common.error !== undefined}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => set(event.currentTarget.value)}
        />
      );
  }
}
