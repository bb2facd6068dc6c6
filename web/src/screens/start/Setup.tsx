// First run: the set-up link makes the first administrator, then one question decides what comes next.
import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { Frame } from "../../session/Frame";
import { useSession } from "../../session/session";
import { counted } from "../../ui/format";
import { useApiForm } from "../../ui/form";
import { IconDevices, IconPlug, IconScreen } from "../../ui/icons";
import { Trouble } from "../../ui/Trouble";
import classes from "./start.module.css";
import { useSimulation, OFFERED } from "./simulation";
import { takeToken } from "./token";

export function Setup() {
  const { state } = useSession();
  // The token stands in the fragment, which no server ever sees; it is read once and taken out of the address.
  const [token] = useState(takeToken);
  if (state.kind === "signedIn") return <FirstQuestion user={state.me.name} />;
  return (
    <Frame title="Welcome to Windlass">
      <FirstAdmin token={token} />
    </Frame>
  );
}

function FirstAdmin({ token }: { token: string }) {
  const { setUp } = useSession();
  const form = useApiForm({
    initial: { token, user: "", password: "" },
    fields: ["token", "user", "password"],
    submit: ({ token, user, password }) => setUp(token.trim(), user, password),
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <Text size="sm">Make the first administrator of this server. There is no default password.</Text>
        {token ? null : (
          <TextInput
            label="Set-up token"
            description="From the link that `windlass serve` printed; `windlass admin link` makes another."
            required
            autoComplete="off"
            className="mono"
            value={form.values.token}
            onChange={(event) => form.set({ token: event.currentTarget.value })}
            error={form.fieldError("token")}
          />
        )}
        <TextInput
          label="Your user name"
          name="username"
          required
          autoComplete="username"
          autoFocus
          value={form.values.user}
          onChange={(event) => form.set({ user: event.currentTarget.value })}
          error={form.fieldError("user")}
        />
        <PasswordInput
          label="A password"
          name="password"
          required
          autoComplete="new-password"
          value={form.values.password}
          onChange={(event) => form.set({ password: event.currentTarget.value })}
          error={form.fieldError("password")}
          aria-invalid={form.fieldError("password") !== undefined}
          visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
        />
        <Trouble error={form.problem} />
        <Button type="submit" loading={form.busy}>
          Make the administrator
        </Button>
        {form.problem?.code === "setup.done" ? (
          <Link to="/" className="link">
            To the sign-in
          </Link>
        ) : null}
      </Stack>
    </form>
  );
}

function FirstQuestion({ user }: { user: string }) {
  const navigate = useNavigate();
  const { now, start } = useSimulation(() => void navigate({ to: "/" }));
  return (
    <Frame title={`Hello ${user}. What would you like to connect first?`} wide>
      <div className={classes.choices}>
        <Choice
          icon={<IconDevices size={22} />}
          title="A real board"
          onClick={() => void navigate({ to: "/connect" })}
        >
          Get a certificate and a program for it, filled in, and watch it arrive.
        </Choice>
        <Choice
          icon={<IconScreen size={22} />}
          title="This computer"
          onClick={() => void navigate({ to: "/connect", search: { on: "computer" } })}
        >
          One command in a terminal plays a device. It takes a minute.
        </Choice>
        {now.data?.available ? (
          <Choice
            icon={<IconPlug size={22} />}
            title={counted(OFFERED, "simulated device")}
            busy={start.isPending}
            onClick={() => start.mutate(OFFERED)}
          >
            They connect over real MQTT and TLS, send telemetry and take updates. Stop them whenever you like.
          </Choice>
        ) : null}
      </div>
      <Trouble error={start.error} />
      <Text size="sm" mt="md">
        <Link to="/" className="link">
          Look around first
        </Link>
      </Text>
    </Frame>
  );
}

function Choice(props: {
  icon: ReactNode;
  title: string;
  children: string;
  busy?: boolean;
  onClick: () => void;
}) {
  return (
    <button type="button" className={classes.choice} onClick={props.onClick} disabled={props.busy}>
      {props.icon}
      <strong>{props.title}</strong>
      <span>{props.children}</span>
    </button>
  );
}
