import { Button, Group, Menu, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { Clip } from "../../ui/Clip";
import { useConfirm } from "../../ui/confirm";
import { useApiForm } from "../../ui/form";
import { Empty, Page } from "../../ui/Page";
import { RowMenu } from "../../ui/RowMenu";
import { Snippet } from "../../ui/Snippet";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { ROLES } from "./roles";

type Token = Schemas["Token"];

/** What programs sign in with. */
export function Tokens() {
  const client = useQueryClient();
  const confirm = useConfirm();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Schemas["CreatedToken"]>();

  const columns = useMemo<Column<Token>[]>(() => {
    const revoke = async (token: Token) => {
      const yes = await confirm({
        title: `Revoke ${token.name}?`,
        effects: [
          "Whatever uses this token is refused from now on.",
          "Its live connections end within a second.",
        ],
        action: "Revoke",
        danger: true,
        run: () => take(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } })),
      });
      if (yes) done(`${token.name} is revoked.`);
      await client.invalidateQueries({ queryKey: ["token"] });
    };
    return [
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
      {
        id: "actions",
        head: "Actions",
        cell: (token) => (
          <RowMenu label={`Actions for ${token.name}`}>
            <Menu.Item disabled={Boolean(token.revokedAt)} onClick={() => void revoke(token)}>
              Revoke…
            </Menu.Item>
          </RowMenu>
        ),
      },
    ];
  }, [client, confirm]);

  return (
    <Page
      title="API tokens"
      subtitle="What programs sign in with: scripts, dashboards, application clients on MQTT."
      actions={<Button onClick={() => setAdding(true)}>New token</Button>}
    >
      <ListTable<Token>
        label="API tokens"
        queryKey={["token", "list"]}
        load={(cursor, signal) => take(api.GET("/api/v1/tokens", { params: { query: { cursor } }, signal }))}
        columns={columns}
        rowId={(token) => String(token.id)}
        empty={<Empty title="No tokens yet">Make one for each program, with the least it needs.</Empty>}
      />
      <Modal
        opened={adding}
        onClose={() => setAdding(false)}
        title="New token"
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <NewTokenForm
          onDone={(created) => {
            setAdding(false);
            setMade(created);
            void client.invalidateQueries({ queryKey: ["token"] });
          }}
        />
      </Modal>
      <Modal
        opened={made !== undefined}
        onClose={() => setMade(undefined)}
        title={`Token ${made?.token.name ?? ""}`}
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Text size="sm" mb="xs">
          This is shown once. Copy it to where it is needed; the server keeps only its hash.
        </Text>
        <Snippet text={made?.secret ?? ""} label="the token" />
      </Modal>
    </Page>
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
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
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
        <Select
          label="Role"
          data={ROLES}
          allowDeselect={false}
          value={form.values.role}
          onChange={(role) => role && form.set({ role: role as Schemas["Role"] })}
          error={form.fieldError("role")}
        />
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
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
