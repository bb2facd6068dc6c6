import { Menu, PasswordInput, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import type { Column } from "../../list/ListTable";
import { useMe } from "../../session/session";
import { Clip } from "../../ui/Clip";
import { Dialog } from "../../ui/Dialog";
import { type ApiForm, useApiForm } from "../../ui/form";
import { Status } from "../../ui/Status";
import { SubmitForm } from "../../ui/SubmitForm";
import { Time } from "../../ui/Time";
import { done, failed } from "../../ui/toast";
import { Admitted, useEnding } from "./Admitted";
import { RoleSelect } from "./RoleSelect";

type User = Schemas["User"];

const COLUMNS: Column<User>[] = [
  { id: "name", head: "Name", cell: (user) => <Clip>{user.name}</Clip> },
  { id: "role", head: "Role", cell: (user) => user.role },
  {
    id: "state",
    head: "State",
    cell: (user) =>
      user.disabledAt ? <Status tone="off">disabled</Status> : <Status tone="good">enabled</Status>,
  },
  { id: "created", head: "Since", wide: true, cell: (user) => <Time at={user.createdAt} /> },
];

const nameOf = (user: User) => user.name;

/** People who sign in with a password. */
export function Users() {
  const client = useQueryClient();
  const end = useEnding("user");
  const me = useMe();
  const [password, setPassword] = useState<string>();
  const disable = (user: User) =>
    end(
      {
        title: `Disable ${user.name}?`,
        effects: [
          "They cannot sign in any more.",
          "Their sessions end now.",
          "What they did stays in the audit.",
        ],
        action: "Disable",
        run: () => take(api.DELETE("/api/v1/users/{name}", { params: { path: { name: user.name } } })),
      },
      `${user.name} is disabled.`,
    );
  const enable = async (user: User) => {
    try {
      await take(api.POST("/api/v1/users/{name}/enable", { params: { path: { name: user.name } } }));
      done(`${user.name} may sign in again.`);
    } catch (error) {
      failed(error);
    }
    await client.invalidateQueries({ queryKey: ["user"] });
  };
  return (
    <Admitted<User>
      title="Users"
      subtitle="People who sign in with a password. Programs use API tokens."
      kind="user"
      load={(cursor, signal) => take(api.GET("/api/v1/users", { params: { query: { cursor } }, signal }))}
      columns={COLUMNS}
      rowId={nameOf}
      nameOf={nameOf}
      menu={(user) => (
        <>
          <Menu.Item onClick={() => setPassword(user.name)}>Set a password…</Menu.Item>
          {user.disabledAt ? (
            <Menu.Item onClick={() => void enable(user)}>Enable</Menu.Item>
          ) : (
            <Menu.Item disabled={user.name === me.name} onClick={() => void disable(user)}>
              Disable…
            </Menu.Item>
          )}
        </>
      )}
      adding="Add a user"
      form={(close) => <NewUserForm onDone={close} />}
      empty={["No users", "Add the first one."]}
    >
      <Dialog
        opened={password !== undefined}
        onClose={() => setPassword(undefined)}
        title={`Password of ${password ?? ""}`}
      >
        <PasswordForm
          user={password ?? ""}
          own={password === me.name}
          onDone={() => setPassword(undefined)}
        />
      </Dialog>
    </Admitted>
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
    <SubmitForm form={form} label="Add">
      <TextInput
        label="Name"
        required
        autoComplete="off"
        data-autofocus
        value={form.values.name}
        onChange={(event) => form.set({ name: event.currentTarget.value })}
        error={form.fieldError("name")}
      />
      <PasswordField form={form} label="Password" name="password" />
      <RoleSelect form={form} />
    </SubmitForm>
  );
}

/** Sets somebody's password; one's own is changed only with the one so far. */
export function PasswordForm({ user, own, onDone }: { user: string; own?: boolean; onDone: () => void }) {
  const form = useApiForm({
    initial: { currentPassword: "", password: "" },
    fields: own ? ["currentPassword", "password"] : ["password"],
    submit: async ({ currentPassword, password }) => {
      const body = own ? { currentPassword, password } : { password };
      await take(api.PUT("/api/v1/users/{name}/password", { params: { path: { name: user } }, body }));
      done("The new password is in force.");
      onDone();
    },
  });
  return (
    <SubmitForm form={form} label="Set the password">
      {own ? (
        <>
          <Text size="sm">Every session of yours ends with it, this one too: sign in again afterwards.</Text>
          <PasswordField form={form} label="Current password" name="currentPassword" first />
        </>
      ) : null}
      <PasswordField form={form} label="New password" name="password" first={!own} />
    </SubmitForm>
  );
}

function PasswordField<N extends "password" | "currentPassword", V extends Record<N, string>>({
  form,
  label,
  name,
  first,
}: {
  form: ApiForm<V>;
  label: string;
  name: N;
  first?: boolean;
}) {
  return (
    <PasswordInput
      label={label}
      required
      autoComplete={name === "password" ? "new-password" : "current-password"}
      data-autofocus={first}
      value={form.values[name]}
      onChange={(event) => form.set({ [name]: event.currentTarget.value } as unknown as Partial<V>)}
      error={form.fieldError(name)}
      aria-invalid={form.fieldError(name) !== undefined}
      visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
    />
  );
}
