// The connect card: makes a device and its key, gives programs with everything filled in, and listens until the
// first message has arrived or says why it did not.
import { Button, Group, Loader, Select, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { api, asProblem, take, type Schemas } from "../../api/client";
import { useAskingAgain, useFreshValues } from "../../api/live";
import { useApiForm } from "../../ui/form";
import { Page, Panel } from "../../ui/Page";
import { Snippet } from "../../ui/Snippet";
import { Status, type Tone } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { Trouble } from "../../ui/Trouble";
import { KeyFiles } from "../device/KeyFiles";
import { RefusalList } from "../device/ConnectionTab";
import { shellFiles, SNIPPETS, type Where } from "./snippets";
import classes from "./start.module.css";

type KeyedCredential = Schemas["GeneratedCredential"];
type ServerDetails = Schemas["ServerInfo"];

export function Connect() {
  const search = useSearch({ from: "/shell/connect" });
  const navigate = useNavigate({ from: "/connect" });
  const [made, setMade] = useState<{ name: string; since: number; keyed: KeyedCredential }>();
  const name = made?.name;
  return (
    <Page
      title={name ? `Connect ${name}` : "Connect a device"}
      subtitle={
        name
          ? undefined
          : "A name, a certificate, and a program with everything filled in. Takes a few minutes."
      }
    >
      {made ? (
        <div className={classes.split}>
          <Recipe name={made.name} keyed={made.keyed} onComputer={search.on === "computer"} />
          <Listening name={made.name} since={made.since} />
        </div>
      ) : (
        <Panel title="Which device?">
          <MakeForm
            name={search.device ?? (search.on === "computer" ? "this-computer" : "")}
            onMade={(device, keyed) => {
              setMade({ name: device, since: Date.now(), keyed });
              void navigate({ search: (before) => ({ ...before, device }), replace: true });
            }}
          />
        </Panel>
      )}
    </Page>
  );
}

function MakeForm(props: { name: string; onMade: (name: string, keyed: KeyedCredential) => void }) {
  const types = useQuery({
    queryKey: ["type", "list", "names"],
    queryFn: () => take(api.GET("/api/v1/types", { params: { query: { limit: 1000 } } })),
  });
  const form = useApiForm({
    initial: { name: props.name, type: "" },
    fields: ["name", "type"],
    submit: async ({ name, type }) => {
      const trimmed = name.trim();
      try {
        await take(api.POST("/api/v1/devices", { body: { name: trimmed, type: type || null } }));
      } catch (error) {
        // A device that is there already gets one more credential.
        if (asProblem(error).status !== 409) throw error;
      }
      const keyed = await take(
        api.POST("/api/v1/devices/{name}/credentials/generate", { params: { path: { name: trimmed } } }),
      );
      props.onMade(trimmed, keyed);
    },
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm" maw={460}>
        <TextInput
          label="Name"
          description="Letters, digits and : _ . - ; a device that exists already gets one more credential"
          placeholder="board-1"
          required
          autoFocus
          autoComplete="off"
          value={form.values.name}
          onChange={(event) => form.set({ name: event.currentTarget.value })}
          error={form.fieldError("name")}
        />
        <Select
          label="Type"
          description="Model and defaults; may be left out"
          data={[{ value: "", label: "none" }, ...(types.data?.items ?? []).map((type) => type.name)]}
          value={form.values.type}
          onChange={(type) => form.set({ type: type ?? "" })}
          error={form.fieldError("type")}
        />
        <Text size="sm" c="dimmed">
          The server makes a key for it, shows it once and does not keep it. For many devices, let them enrol
          themselves with a claim certificate instead.
        </Text>
        <Trouble error={form.problem} />
        <Group>
          <Button type="submit" loading={form.busy}>
            Make its certificate
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Names under which devices reach the server, best first, and the port. */
function addresses(server: ServerDetails | undefined): { hosts: string[]; port: number } {
  const endpoint = /^[a-z]+:\/\/\[?([^\]]+?)\]?:(\d+)$/.exec(server?.deviceEndpoints[0] ?? "");
  const here = window.location.hostname;
  const known = server?.hostnames?.length ? server.hostnames : [here];
  const hosts = [...new Set(known.includes(here) ? [here, ...known] : known)];
  return { hosts, port: server?.devicePort ?? Number(endpoint?.[2] ?? 8883) };
}

function Recipe({ name, keyed, onComputer }: { name: string; keyed: KeyedCredential; onComputer: boolean }) {
  const server = useQuery({ queryKey: ["server"], queryFn: () => take(api.GET("/api/v1/server")) });
  const { hosts, port } = addresses(server.data);
  const [host, setHost] = useState<string>();
  const where: Where = {
    name,
    host: host ?? hosts[0] ?? "localhost",
    port,
    certificatePem: keyed.certificatePem,
    privateKeyPem: keyed.privateKeyPem ?? "",
    caPem: keyed.caPem,
  };
  return (
    <Stack>
      <Panel title="1. Its certificate and key">
        {onComputer ? (
          <Snippet text={shellFiles(where)} label="commands that write the three files" />
        ) : (
          <Stack gap="sm">
            <KeyFiles name={name} made={keyed} />
            <details>
              <summary>As commands for a terminal</summary>
              <Snippet text={shellFiles(where)} label="commands that write the three files" />
            </details>
          </Stack>
        )}
      </Panel>
      <Panel
        title="2. A program"
        actions={
          hosts.length > 1 ? (
            <Select
              size="xs"
              aria-label="Address of the server"
              data={hosts}
              allowDeselect={false}
              value={where.host}
              onChange={(next) => setHost(next ?? undefined)}
            />
          ) : undefined
        }
      >
        <Tabs defaultValue="mosquitto" keepMounted={false}>
          <Tabs.List mb="sm">
            {SNIPPETS.map((snippet) => (
              <Tabs.Tab key={snippet.id} value={snippet.id}>
                {snippet.label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {SNIPPETS.map((snippet) => (
            <Tabs.Panel key={snippet.id} value={snippet.id}>
              <Text size="sm" c="dimmed" mb="xs">
                {snippet.needs}
              </Text>
              <Snippet text={snippet.text(where)} label={`the program for ${snippet.label}`} />
            </Tabs.Panel>
          ))}
        </Tabs>
      </Panel>
    </Stack>
  );
}

function Listening({ name, since }: { name: string; since: number }) {
  // What it shows is told by the live view; only without that it is asked for.
  const refetchInterval = useAskingAgain();
  useFreshValues(name);
  const device = useQuery({
    queryKey: ["device", name],
    queryFn: () => take(api.GET("/api/v1/devices/{name}", { params: { path: { name } } })),
    refetchInterval,
  });
  const last = useQuery({
    queryKey: ["telemetry", name, "last"],
    queryFn: () => take(api.GET("/api/v1/devices/{name}/telemetry", { params: { path: { name } } })),
    refetchInterval,
  });
  const refusals = useQuery({
    queryKey: ["refusal", name, "claimed"],
    queryFn: () => take(api.GET("/api/v1/refusals", { params: { query: { claimed: name, limit: 5 } } })),
    refetchInterval,
    retry: false,
  });
  const contact = device.data?.lastContactAt;
  const heard = contact ? Date.parse(contact) >= since - 5_000 : false;
  const connected = device.data?.presence === "connected" || heard;
  const lost = heard ? device.data?.lastDisconnect : undefined;
  const message = (last.data?.items ?? []).find((item) => Date.parse(item.at) >= since - 5_000);
  const refused = (refusals.data?.items ?? []).filter(
    (refusal) => Date.parse(refusal.lastAt) >= since - 5_000,
  );
  const step = (tone: Tone, text: string) => (
    <li className={classes.step}>
      <Status tone={tone}>{text}</Status>
    </li>
  );
  return (
    <Panel title="3. Watch it arrive" actions={message ? undefined : <Loader size="xs" aria-hidden="true" />}>
      <ol className={classes.steps} aria-live="polite">
        {step("good", "Registered, with a certificate")}
        {connected ? step("good", "Connected") : step("busy", "Waiting for it to connect…")}
        {message
          ? step("good", "First message arrived")
          : step(connected ? "busy" : "off", connected ? "Waiting for a message…" : "No message yet")}
      </ol>
      {message ? (
        <Stack gap="sm" mt="md">
          <Text size="sm">
            <strong>{message.metric}</strong>: {String(message.value)}, <Time at={message.at} />. It works.
          </Text>
          <Group>
            <Button component={Link} to="/devices/$name" params={{ name } as never}>
              To the device
            </Button>
          </Group>
        </Stack>
      ) : null}
      {lost && !message ? (
        <Text size="sm" mt="md" role="alert">
          Its connection ended: {lost}.
        </Text>
      ) : null}
      {refused.length > 0 && !message ? (
        <div style={{ marginTop: 18 }} role="alert">
          <Text size="sm" fw={600} mb="xs">
            It tried, and was refused
          </Text>
          <RefusalList refusals={refused} />
        </div>
      ) : null}
    </Panel>
  );
}
