import { Menu, Select, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import type { Column } from "../../list/ListTable";
import { Clip } from "../../ui/Clip";
import { Dialog } from "../../ui/Dialog";
import { useApiForm } from "../../ui/form";
import { Snippet } from "../../ui/Snippet";
import { Status } from "../../ui/Status";
import { SubmitForm } from "../../ui/SubmitForm";
import { Time } from "../../ui/Time";
import { Admitted, useEnding } from "./Admitted";
import { RoleSelect } from "./RoleSelect";

type Token = Schemas["Token"];

const COLUMNS: Column<Token>[] = [
  { id: "name", head: "Name", cell: (token) => <Clip>{token.name}</Clip> },
  { id: "role", head: "Role", cell: (token) => token.role },
  {
    id: "scope",
    head: "Devices",
    wide: true,
    cell: (token) => (token.scope ? <Clip mono>{token.scope}</Clip> : "all"),
  },
  { id: "state", head: "State", cell: (token) => <TokenState token={token} /> },
  {
    id: "hint",
    head: "Begins",
    wide: true,
    cell: (token) => <span className="mono">{token.hint}…</span>,
  },
  { id: "expires", head: "Ends", wide: true, cell: (token) => <Time at={token.expiresAt} /> },
  { id: "by", head: "Made by", wide: true, cell: (token) => <Clip>{token.createdBy}</Clip> },
];

const idOf = (token: Token) => String(token.id);
const nameOf = (token: Token) => token.name;

/** What programs sign in with. */
export function Tokens() {
  const end = useEnding("token");
  const [made, setMade] = useState<Schemas["CreatedToken"]>();
  const revoke = (token: Token) =>
    end(
      {
        title: `Revoke ${token.name}?`,
        effects: [
          "Whatever uses this token is refused from now on.",
          "Its live connections end within a second.",
        ],
        action: "Revoke",
        run: () => take(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })),
      },
      `${token.name} is revoked.`,
    );
  return (
    <Admitted<Token>
      title="API tokens"
      subtitle="What programs sign in with: scripts, dashboards, application clients on MQTT."
      kind="token"
      load={(cursor, signal) => take(api.GET("/api/v1/tokens", { params: { query: { cursor } }, signal }))}
      columns={COLUMNS}
      rowId={idOf}
      nameOf={nameOf}
      menu={(token) => (
        <Menu.Item disabled={Boolean(token.revokedAt)} onClick={() => void revoke(token)}>
          Revoke…
        </Menu.Item>
      )}
      adding="New token"
      form={(close) => (
        <NewTokenForm
          onDone={(created) => {
            close();
            setMade(created);
          }}
        />
      )}
      empty={["No tokens yet", "Make one for each program, with the least it needs."]}
    >
      <Dialog
        opened={made !== undefined}
        onClose={() => setMade(undefined)}
        title={`Token ${made?.token.name ?? ""}`}
        held
      >
        <Text size="sm" mb="xs">
          This is shown once. Copy it to where it is needed; the server keeps only its hash.
        </Text>
        <Snippet text={made?.secret ?? ""} label="the token" />
      </Dialog>
    </Admitted>
  );
}

function TokenState({ token }: { token: Token }) {
  const expired = token.expiresAt ? Date.parse(token.expiresAt) < Date.now() : false;
  if (token.revokedAt) return <Status tone="bad">revoked</Status>;
  return expired ? <Status tone="off">expired</Status> : <Status tone="good">active</Status>;
}

const LIFETIMES = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "", label: "never" },
];

function NewTokenForm({ onDone }: { onDone: (created: Schemas["CreatedToken"]) => void }) {
  const form = useApiForm({
    initial: { name: "", role: "viewer" as Schemas["Role"], days: "90", scope: "" },
    fields: ["name", "role", "scope", "expiresAt"],
    submit: async ({ name, role, days, scope }) => {
      const expiresAt = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
      onDone(
        await take(api.POST("/api/v1/tokens", { body: { name, role, expiresAt, scope: scope || null } })),
      );
    },
  });
  return (
    <SubmitForm form={form} label="Make the token">
      <TextInput
        label="Name"
        description="What uses it"
        required
        autoComplete="off"
        data-autofocus
        value={form.values.name}
        onChange={(event) => form.set({ name: event.currentTarget.value })}
        error={form.fieldError("name")}
      />
      <RoleSelect form={form} />
      <Select
        label="Ends after"
        data={LIFETIMES}
        allowDeselect={false}
        value={form.values.days}
        onChange={(days) => form.set({ days: days ?? "90" })}
        error={form.fieldError("expiresAt")}
      />
      <div>
        <Text size="sm" fw={500}>
          Only these devices
        </Text>
        <Text size="xs" c="dimmed" mb={4}>
          A query; the token sees no others. Empty: all devices.
        </Text>
        <TextInput
          aria-label="Only these devices, as a query"
          className="mono"
          value={form.values.scope}
          onChange={(event) => form.set({ scope: event.currentTarget.value })}
          error={form.fieldError("scope")}
        />
      </div>
    </SubmitForm>
  );
}
