import { Button, Group, Menu, Modal, PasswordInput, Select, Stack, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { useMe } from "../../session/session";
import { useConfirm } from "../../ui/confirm";
import { useApiForm } from "../../ui/form";
import { Clip } from "../../ui/Clip";
import { Empty, Page } from "../../ui/Page";
import { RowMenu } from "../../ui/RowMenu";
import { Status } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { done, failed } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { ROLES } from "./roles";

type User = Schemas["User"];

/** People who sign in with a password. */
export function Users() {
  const client = useQueryClient();
  const confirm = useConfirm();
  const me = useMe();
  const [adding, setAdding] = useState(false);
  const [password, setPassword] = useState<string>();
  const refresh = () => client.invalidateQueries({ queryKey: ["user"] });

  const columns = useMemo<Column<User>[]>(() => {
    const disable = async (user: User) => {
      const yes = await confirm({
        title: `Disable ${user.name}?`,
        effects: [
          "They cannot sign in any more.",
          "Their sessions end now.",
          "What they did stays in the audit.",
        ],
        action: "Disable",
        danger: true,
        run: () => take(api.DELETE("/api/v1/users/{name}", { params: { path: { name: user.name } } })),
      });
      if (yes) done(`${user.name} is disabled.`);
      await client.invalidateQueries({ queryKey: ["user"] });
    };
    const enable = async (user: User) => {
      try {
        await take(api.POST("/api/v1/users/{name}/enable", { params: { path: { name: user.name } } }));
        done(`${user.name} may sign in again.`);
      } catch (error) {
        failed(error);
      }
      await client.invalidateQueries({ queryKey: ["user"] });
    };
    return [
      { id: "name", head: "Name", cell: (user) => <Clip>{user.name}</Clip> },
      { id: "role", head: "Role", cell: (user) => user.role },
      {
        id: "state",
        head: "State",
        cell: (user) =>
          user.disabledAt ? <Status tone="off">disabled</Status> : <Status tone="good">enabled</Status>,
      },
      { id: "created", head: "Since", wide: true, cell: (user) => <Time at={user.createdAt} /> },
      {
        id: "actions",
        head: "Actions",
        cell: (user) => (
          <RowMenu label={`Actions for ${user.name}`}>
            <Menu.Item onClick={() => setPassword(user.name)}>Set a password…</Menu.Item>
            {user.disabledAt ? (
              <Menu.Item onClick={() => void enable(user)}>Enable</Menu.Item>
            ) : (
              <Menu.Item disabled={user.name === me.name} onClick={() => void disable(user)}>
                Disable…
              </Menu.Item>
            )}
          </RowMenu>
        ),
      },
    ];
  }, [client, confirm, me.name]);

  return (
    <Page
      title="Users"
      subtitle="People who sign in with a password. Programs use API tokens."
      actions={<Button onClick={() => setAdding(true)}>Add a user</Button>}
    >
      <ListTable<User>
        label="Users"
        queryKey={["user", "list"]}
        load={(cursor, signal) => take(api.GET("/api/v1/users", { params: { query: { cursor } }, signal }))}
        columns={columns}
        rowId={(user) => user.name}
        empty={<Empty title="No users">Add the first one.</Empty>}
      />
      <Modal
        opened={adding}
        onClose={() => setAdding(false)}
        title="Add a user"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <NewUserForm
          onDone={() => {
            setAdding(false);
            void refresh();
          }}
        />
      </Modal>
      <Modal
        opened={password !== undefined}
        onClose={() => setPassword(undefined)}
        title={`Password of ${password ?? ""}`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {password !== undefined ? (
          <PasswordForm user={password} onDone={() => setPassword(undefined)} />
        ) : null}
      </Modal>
    </Page>
  );
}

function NewUserForm({ onDone }: { onDone: () => void }) {
  const form = useApiForm({
    initial: { name: "", password: "", role: "operator" as Schemas["Role"] },
    fields: ["name", "password", "role"],
    submit: async (values) => {
      await take(api.POST("/api/v1/users", { body: values }));
      done(`${values.name} may sign in now.`);
      onDone();
    },
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          required
          autoComplete="off"
          data-autofocus
          value={form.values.name}
          onChange={(event) => form.set({ name: event.currentTarget.value })}
          error={form.fieldError("name")}
        />
        <PasswordInput
          label="Password"
          required
          autoComplete="new-password"
          value={form.values.password}
          onChange={(event) => form.set({ password: event.currentTarget.value })}
          error={form.fieldError("password")}
          visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
        />
        <Select
          label="Role"
          data={ROLES}
          allowDeselect={false}
          value={form.values.role}
          onChange={(role) => role && form.set({ role: role as Schemas["Role"] })}
          error={form.fieldError("role")}
        />
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            Add
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Sets somebody's password. */
export function PasswordForm({ user, onDone }: { user: string; onDone: () => void }) {
  const form = useApiForm({
    initial: { password: "" },
    fields: ["password"],
    submit: async (body) => {
      await take(api.PUT("/api/v1/users/{name}/password", { params: { path: { name: user } }, body }));
      done("The new password is in force.");
      onDone();
    },
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <PasswordInput
          label="New password"
          required
          autoComplete="new-password"
          data-autofocus
          value={form.values.password}
          onChange={(event) => form.set({ password: event.currentTarget.value })}
          error={form.fieldError("password")}
          visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
        />
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            Set the password
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
