/** One notification channel as a form. */
import { useState } from "react";

import {
  Button,
  Group,
  MultiSelect,
  PasswordInput,
  SegmentedControl,
  Select,
  Stack,
  Switch,
  TagsInput,
  TextInput,
} from "@mantine/core";

import { fault, path, request, useAct, type Schemas } from "../../kit/api";
import { SaveForm } from "../../kit/kept";
import { Notice } from "../../kit/parts";
import { Snippet } from "../../ui/Snippet";
import { words } from "../../ui/format";

type Channel = Schemas["Channel"];

const KINDS: Channel["alerts"] = [
  "deviceOverdue",
  "rolloutStopped",
  "certificateExpiring",
  "diskLow",
  "devicePending",
  "backupFailed",
];
const FIELDS = ["name", "url", "secret", "to", "alerts", "minimumSeverity"];

export function ChannelForm({
  start,
  mail,
  done,
}: {
  start: Channel | null;
  mail: boolean;
  done: () => void;
}) {
  const [it, setIt] = useState({
    name: start?.name ?? "",
    kind: start?.kind ?? ("webhook" as Channel["kind"]),
    url: start?.url ?? "",
    secret: "",
    to: start?.to ?? [],
    alerts: start?.alerts ?? [],
    minimumSeverity: start?.minimumSeverity ?? "info",
    enabled: start?.enabled ?? true,
  });
  const change = (part: Partial<typeof it>) => setIt((before) => ({ ...before, ...part }));
  const save = useAct<void, Channel & { secret?: string | null }>(
    () =>
      request("PUT", path("notifications", it.name), {
        headers: start ? { "if-match": `"${start.version}"` } : {},
        body: {
          kind: it.kind,
          ...(it.kind === "webhook"
            ? { url: it.url, ...(it.secret ? { secret: it.secret } : {}) }
            : { to: it.to }),
          alerts: it.alerts,
          minimumSeverity: it.minimumSeverity,
          enabled: it.enabled,
        },
      }),
    [path("notifications")],
    (channel) => {
      if (!channel.secret) done();
    },
  );
  const problem = save.error;
  if (save.data?.secret) return <Secret text={save.data.secret} done={done} />;
  return (
    <SaveForm save={save} shown={FIELDS}>
      <TextInput
        label="Name"
        required
        disabled={start !== null}
        value={it.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={fault(problem, "name")}
      />
      <SegmentedControl
        aria-label="Kind"
        data={[
          { value: "webhook", label: "Webhook" },
          { value: "email", label: "E-mail" },
        ]}
        value={it.kind}
        onChange={(kind) => change({ kind: kind as Channel["kind"] })}
      />
      {it.kind === "webhook" ? (
        <>
          <TextInput
            label="URL"
            required
            placeholder="https://example.com/hooks/windlass"
            value={it.url}
            onChange={(event) => change({ url: event.currentTarget.value })}
            error={fault(problem, "url")}
          />
          <PasswordInput
            label="Secret"
            description={
              start ? "Empty: as before." : "Signs each request (Standard Webhooks); may be empty."
            }
            autoComplete="new-password"
            value={it.secret}
            onChange={(event) => change({ secret: event.currentTarget.value })}
            error={fault(problem, "secret")}
            aria-invalid={fault(problem, "secret") !== undefined}
          />
        </>
      ) : (
        <>
          {mail ? null : (
            <Notice color="yellow">
              This server has no mail server configured; e-mail waits until it has.
            </Notice>
          )}
          <TagsInput
            label="To"
            required
            value={it.to}
            onChange={(to) => change({ to })}
            error={fault(problem, "to")}
          />
        </>
      )}
      <MultiSelect
        label="Alerts"
        description="None: all."
        data={KINDS.map((kind) => ({ value: kind, label: words(kind) }))}
        value={it.alerts}
        onChange={(alerts) => change({ alerts: KINDS.filter((kind) => alerts.includes(kind)) })}
        error={fault(problem, "alerts")}
      />
      <Select
        label="From severity"
        allowDeselect={false}
        data={["info", "warning", "error"]}
        value={it.minimumSeverity}
        onChange={(minimumSeverity) => change({ minimumSeverity: minimumSeverity ?? "info" })}
        error={fault(problem, "minimumSeverity")}
      />
      <Switch
        label="On"
        checked={it.enabled}
        onChange={(event) => change({ enabled: event.currentTarget.checked })}
      />
    </SaveForm>
  );
}

/** What requests are signed with. The server shows it this once. */
function Secret({ text, done }: { text: string; done: () => void }) {
  return (
    <Stack>
      <Notice color="yellow" title="The signing secret is shown this once">
        Give it to the receiver, so that it can tell messages of this server from others.
      </Notice>
      <Snippet text={text} label="signing secret" />
      <Group justify="flex-end">
        <Button onClick={done}>Done</Button>
      </Group>
    </Stack>
  );
}
