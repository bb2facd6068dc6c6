// The token that the device shows to hawkBit's interface. It is fetched only when somebody wants to see it.
import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, asProblem, type Schemas, take } from "../../api/client";
import { useCan } from "../../session/session";
import { useConfirm } from "../../ui/confirm";
import { Dialog } from "../../ui/Dialog";
import { useApiForm } from "../../ui/form";
import { Panel } from "../../ui/Page";
import { Snippet } from "../../ui/Snippet";
import { SubmitForm } from "../../ui/SubmitForm";
import { Time } from "../../ui/Time";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";

type Token = Schemas["DeviceToken"];

/** What is known of it: nothing until asked, then the token or that there is none. */
type Seen = { token: Token | null };

export function DeviceTokenPanel({ name }: { name: string }) {
  const can = useCan();
  const confirm = useConfirm();
  const [seen, setSeen] = useState<Seen>();
  const [problem, setProblem] = useState<unknown>();
  const [setting, setSetting] = useState(false);
  const params = { path: { name } };
  const show = async () => {
    setProblem(undefined);
    try {
      setSeen({ token: await take(api.GET("/api/v1/devices/{name}/token", { params })) });
    } catch (error) {
      if (asProblem(error).status === 404) setSeen({ token: null });
      else setProblem(error);
    }
  };
  const remove = async () => {
    const yes = await confirm({
      title: `Take the token of ${name} away?`,
      body: "The device is refused from now on if it has no other credential.",
      action: "Take it away",
      danger: true,
      run: () => take(api.DELETE("/api/v1/devices/{name}/token", { params })),
    });
    if (!yes) return;
    done("The token is good no longer.");
    setSeen({ token: null });
  };
  return (
    <Panel title="Token for hawkBit clients">
      <Stack gap="sm">
        <Text size="sm">
          What SWUpdate and others show as TargetToken. It counts only where the server’s settings let devices
          in by their own token.
        </Text>
        {seen?.token ? (
          <>
            <Snippet text={seen.token.token} label="the device’s token" />
            <Text size="sm" c="dimmed">
              Set <Time at={seen.token.createdAt} />
            </Text>
          </>
        ) : seen ? (
          <Text size="sm" role="status">
            It has none.
          </Text>
        ) : null}
        <Trouble error={problem} />
        <Group gap="xs">
          {seen?.token ? null : (
            <Button size="xs" variant="default" onClick={() => void show()}>
              Show the token
            </Button>
          )}
          <Button size="xs" variant="default" onClick={() => setSetting(true)}>
            Set another…
          </Button>
          {seen?.token && can("credential.revoke") ? (
            <Button size="xs" variant="default" onClick={() => void remove()}>
              Take it away…
            </Button>
          ) : null}
        </Group>
      </Stack>
      <Dialog opened={setting} onClose={() => setSetting(false)} title={`Token of ${name}`}>
        <TokenForm
          name={name}
          onDone={(token) => {
            setSeen({ token });
            setSetting(false);
            done("The new token is in force; the one before is not.");
          }}
        />
      </Dialog>
    </Panel>
  );
}

function TokenForm({ name, onDone }: { name: string; onDone: (token: Token) => void }) {
  const form = useApiForm({
    initial: { token: "" },
    fields: ["token"],
    submit: async ({ token }) =>
      onDone(
        await take(
          api.PUT("/api/v1/devices/{name}/token", {
            params: { path: { name } },
            body: token === "" ? {} : { token },
          }),
        ),
      ),
  });
  return (
    <SubmitForm form={form} label="Set it">
      <PasswordInput
        label="Token"
        description="Empty: the server makes one by chance."
        autoComplete="new-password"
        value={form.values.token}
        onChange={(event) => form.set({ token: event.currentTarget.value })}
        error={form.fieldError("token")}
        aria-invalid={form.fieldError("token") !== undefined}
        visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
      />
    </SubmitForm>
  );
}
