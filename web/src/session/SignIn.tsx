import { Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { Trouble } from "../ui/Trouble";
import { useApiForm } from "../ui/form";
import { Frame } from "./Frame";
import { useSession } from "./session";

/** User and password; on its own, and over a page whose session has ended. */
export function SignInCard({ user = "", note }: { user?: string; note?: string }) {
  const { signIn } = useSession();
  const form = useApiForm({
    initial: { user, password: "" },
    fields: ["user", "password"],
    submit: ({ user, password }) => signIn(user, password),
  });
  const wrong = form.problem?.status === 401;
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        {note ? <Text size="sm">{note}</Text> : null}
        <TextInput
          label="User"
          name="username"
          autoComplete="username"
          required
          value={form.values.user}
          onChange={(event) => form.set({ user: event.currentTarget.value })}
          error={form.fieldError("user")}
          data-autofocus={user === "" || undefined}
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          value={form.values.password}
          onChange={(event) => form.set({ password: event.currentTarget.value })}
          error={form.fieldError("password") ?? (wrong ? form.problem?.detail : undefined)}
          aria-invalid={wrong || form.fieldError("password") !== undefined}
          visibilityToggleButtonProps={{ "aria-label": "Show the password" }}
          data-autofocus={user !== "" || undefined}
        />
        {wrong ? null : <Trouble error={form.problem} />}
        <Button type="submit" loading={form.busy} fullWidth>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}

/** The whole page, for somebody who is not signed in. */
export function SignInPage({ setupNeeded }: { setupNeeded: boolean }) {
  return (
    <Frame title="Sign in">
      {setupNeeded ? (
        <Text size="sm" mb="md">
          Nobody can sign in yet. Open the set-up link that <code>windlass serve</code> printed when it
          started, or make a new one on the server with <code>windlass admin link</code>.
        </Text>
      ) : null}
      <SignInCard />
    </Frame>
  );
}
