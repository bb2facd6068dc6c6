// What the device proves itself with: sign, make, revoke; a window in which it may enrol again; other ids of it.
import {
  ActionIcon,
  Button,
  Group,
  Menu,
  Modal,
  NumberInput,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import { type Column, ListTable } from "../../list/ListTable";
import { useCan } from "../../session/session";
import { Clip } from "../../ui/Clip";
import { useConfirm } from "../../ui/confirm";
import { useApiForm } from "../../ui/form";
import { IconClose } from "../../ui/icons";
import { Empty, Panel } from "../../ui/Page";
import { RowMenu } from "../../ui/RowMenu";
import { save } from "../../ui/save";
import { StateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { done, failed } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import { DeviceTokenPanel } from "./DeviceToken";
import { KeyFiles, type Made } from "./KeyFiles";
import type { Device } from "./StatusTab";

type Credential = Schemas["Credential"];

export default function CredentialsTab({ device }: { device: Device }) {
  const client = useQueryClient();
  const confirm = useConfirm();
  const can = useCan();
  const [signing, setSigning] = useState(false);
  const [made, setMade] = useState<Made>();
  const { name } = device;
  const open = device.lifecycle !== "decommissioned";

  const columns = useMemo<Column<Credential>[]>(() => {
    const revoke = async (credential: Credential) => {
      let reason = "";
      const yes = await confirm({
        title: "Revoke this credential?",
        body: (
          <TextInput
            label="Reason"
            description="For the audit"
            mt="xs"
            onChange={(event) => (reason = event.currentTarget.value)}
          />
        ),
        effects: ["Connections that use it are closed within a second.", "It can never be used again."],
        action: "Revoke",
        danger: true,
        run: () =>
          take(
            api.POST("/api/v1/credentials/{id}/revoke", {
              params: { path: { id: credential.id } },
              body: { reason },
            }),
          ),
      });
      if (yes) done("The credential is revoked.");
      await client.invalidateQueries({ queryKey: ["credential", name] });
    };
    return [
      {
        id: "status",
        head: "State",
        cell: (c) => <StateOf state={c.status} title={c.endReason ?? undefined} />,
      },
      { id: "fingerprint", head: "Fingerprint", cell: (c) => <Clip mono>{c.fingerprint}</Clip> },
      { id: "serial", head: "Serial", wide: true, cell: (c) => <Clip mono>{c.serial}</Clip> },
      { id: "until", head: "Valid until", cell: (c) => <Time at={c.notAfter} /> },
      { id: "created", head: "Made", wide: true, cell: (c) => <Time at={c.createdAt} /> },
      { id: "ended", head: "Why ended", wide: true, cell: (c) => <Clip>{c.endReason ?? "–"}</Clip> },
      {
        id: "actions",
        head: "Actions",
        cell: (c) => (
          <RowMenu label={`Actions for credential ${c.serial}`}>
            <Menu.Item onClick={() => save(`${name}.pem`, c.certificatePem)}>
              Download the certificate
            </Menu.Item>
            <Menu.Item
              disabled={!can("credential.revoke") || (c.status !== "active" && c.status !== "pending")}
              onClick={() => void revoke(c)}
            >
              Revoke…
            </Menu.Item>
          </RowMenu>
        ),
      },
    ];
  }, [can, client, confirm, name]);

  const generate = async () => {
    const yes = await confirm({
      title: "Let the server make a key?",
      body: "Better: the device makes its own key and sends a certificate request, so that the key never travels. This key is shown once, not kept, and its making is audited.",
      action: "Make a key",
      run: async () =>
        setMade(
          await take(api.POST("/api/v1/devices/{name}/credentials/generate", { params: { path: { name } } })),
        ),
    });
    if (yes) await client.invalidateQueries({ queryKey: ["credential", name] });
  };

  return (
    <Stack>
      <ListTable<Credential>
        label={`Credentials of ${name}`}
        queryKey={["credential", name, "list"]}
        load={(cursor, signal) =>
          take(
            api.GET("/api/v1/devices/{name}/credentials", {
              params: { path: { name }, query: { cursor } },
              signal,
            }),
          )
        }
        columns={columns}
        rowId={(credential) => String(credential.id)}
        tools={
          can("credential.issue") && open ? (
            <>
              <Button size="xs" variant="default" onClick={() => setSigning(true)}>
                Sign a request…
              </Button>
              <Button size="xs" variant="default" onClick={() => void generate()}>
                Make a key…
              </Button>
            </>
          ) : undefined
        }
        empty={
          <Empty title="No credential">
            The device cannot connect yet. Sign its certificate request, or let the server make a key for it.
          </Empty>
        }
      />
      {can("credential.issue") && open ? <Reprovision device={device} /> : null}
      {can("credential.issue") && open ? <DeviceTokenPanel name={name} /> : null}
      <Aliases device={device} />
      <Modal
        opened={signing}
        onClose={() => setSigning(false)}
        title="Sign a certificate request"
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <SignForm
          name={name}
          onDone={(signed) => {
            setSigning(false);
            setMade(signed);
            void client.invalidateQueries({ queryKey: ["credential", name] });
          }}
        />
      </Modal>
      <Modal
        opened={made !== undefined}
        onClose={() => setMade(undefined)}
        title={`Credential of ${name}`}
        size="lg"
        closeOnClickOutside={false}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {made ? <KeyFiles name={name} made={made} onClose={() => setMade(undefined)} /> : null}
      </Modal>
    </Stack>
  );
}

function SignForm({ name, onDone }: { name: string; onDone: (signed: Made) => void }) {
  const form = useApiForm({
    initial: { csr: "" },
    fields: ["csr"],
    submit: async (body) =>
      onDone(
        await take(api.POST("/api/v1/devices/{name}/credentials", { params: { path: { name } }, body })),
      ),
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <Textarea
          label="Certificate request (PEM)"
          description="From the device: openssl req -new -key device.key -subj /CN=device"
          required
          autosize
          minRows={8}
          maxRows={16}
          className="mono"
          data-autofocus
          value={form.values.csr}
          onChange={(event) => form.set({ csr: event.currentTarget.value })}
          error={form.fieldError("csr")}
        />
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            Sign
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Reprovision({ device }: { device: Device }) {
  const client = useQueryClient();
  const [minutes, setMinutes] = useState<number | string>(60);
  const [busy, setBusy] = useState(false);
  const params = { path: { name: device.name } };
  const isOpen = device.reprovisionUntil ? Date.parse(device.reprovisionUntil) > Date.now() : false;
  const act = async (call: () => Promise<unknown>, said: string) => {
    setBusy(true);
    try {
      await call();
      done(said);
    } catch (error) {
      failed(error);
    }
    setBusy(false);
    await client.invalidateQueries({ queryKey: ["device", device.name] });
  };
  return (
    <Panel title="Enrol again">
      <Text size="sm" mb="sm">
        A device that has lost its key may enrol again with a claim, in place of its present credential, while
        this window is open. Otherwise such an attempt waits for your decision.
      </Text>
      {isOpen ? (
        <Group gap="sm">
          <Text size="sm">
            Open; closes <Time at={device.reprovisionUntil} />.
          </Text>
          <Button
            variant="default"
            size="xs"
            loading={busy}
            onClick={() =>
              void act(
                () => take(api.DELETE("/api/v1/devices/{name}/reprovision", { params })),
                "The window is closed.",
              )
            }
          >
            Close it now
          </Button>
        </Group>
      ) : (
        <Group align="flex-end" gap="sm">
          <NumberInput label="Minutes" min={1} max={10_080} w={110} value={minutes} onChange={setMinutes} />
          <Button
            variant="default"
            loading={busy}
            onClick={() =>
              void act(
                () =>
                  take(
                    api.POST("/api/v1/devices/{name}/reprovision", {
                      params,
                      body: { minutes: Number(minutes) || 60 },
                    }),
                  ),
                `${device.name} may enrol again.`,
              )
            }
          >
            Open the window
          </Button>
        </Group>
      )}
    </Panel>
  );
}

function Aliases({ device }: { device: Device }) {
  const client = useQueryClient();
  const can = useCan();
  const refresh = () => client.invalidateQueries({ queryKey: ["device"] });
  const form = useApiForm({
    initial: { protocol: "aws", externalId: "" },
    fields: ["protocol", "externalId"],
    submit: async ({ protocol, externalId }) => {
      await take(
        api.PUT("/api/v1/devices/{name}/aliases/{protocol}/{externalId}", {
          params: { path: { name: device.name, protocol, externalId } },
        }),
      );
      form.reset({ protocol, externalId: "" });
      await refresh();
    },
  });
  const remove = async (alias: Schemas["Alias"]) => {
    try {
      await take(
        api.DELETE("/api/v1/devices/{name}/aliases/{protocol}/{externalId}", {
          params: { path: { name: device.name, ...alias } },
        }),
      );
    } catch (error) {
      failed(error);
    }
    await refresh();
  };
  return (
    <Panel title="Other ids">
      <Text size="sm" mb="sm">
        Names under which the device may also speak of itself: a thing name, a controller id, a serial number.
      </Text>
      <Stack gap={4} mb="sm">
        {device.aliases.map((alias) => (
          <Group key={`${alias.protocol} ${alias.externalId}`} gap={8} wrap="nowrap">
            <span className="quiet">{alias.protocol}</span>
            <Clip mono>{alias.externalId}</Clip>
            {can("device.write") ? (
              <ActionIcon
                variant="subtle"
                color="gray"
                size={24}
                aria-label={`Remove ${alias.externalId}`}
                onClick={() => void remove(alias)}
              >
                <IconClose size={12} />
              </ActionIcon>
            ) : null}
          </Group>
        ))}
      </Stack>
      {can("device.write") ? (
        <form onSubmit={(event) => void form.submit(event)}>
          <Group align="flex-start" gap={8}>
            <TextInput
              label="Protocol"
              w={120}
              value={form.values.protocol}
              onChange={(event) => form.set({ protocol: event.currentTarget.value })}
              error={form.fieldError("protocol")}
            />
            <TextInput
              label="Id"
              flex={1}
              maw={320}
              required
              value={form.values.externalId}
              onChange={(event) => form.set({ externalId: event.currentTarget.value })}
              error={form.fieldError("externalId")}
            />
            <Button type="submit" variant="default" mt={24} loading={form.busy}>
              Add
            </Button>
          </Group>
          <Trouble error={form.problem} />
        </form>
      ) : null}
    </Panel>
  );
}
