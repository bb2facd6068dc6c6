// New hardware for the same device: its record, history and name stay, the old credentials end.
import { Button, Group, Modal, Radio, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, take, type Schemas } from "../../api/client";
import { useApiForm } from "../../ui/form";
import { Trouble } from "../../ui/Trouble";
import { KeyFiles } from "./KeyFiles";
import type { Device } from "./StatusTab";

type Replaced = Schemas["Replaced"];

interface ReplaceProps {
  device: Device;
  opened: boolean;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

export function Replace({ device, opened, onClose, onDone }: ReplaceProps) {
  const [made, setMade] = useState<Replaced>();
  const close = () => {
    setMade(undefined);
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={`Replace the hardware of ${device.name}`}
      size="lg"
      closeOnClickOutside={made === undefined}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {made ? (
        <KeyFiles name={device.name} made={made} onClose={close} />
      ) : (
        <ReplaceForm
          device={device}
          onMade={async (replaced) => {
            setMade(replaced);
            await onDone();
          }}
        />
      )}
    </Modal>
  );
}

function ReplaceForm({ device, onMade }: { device: Device; onMade: (made: Replaced) => Promise<void> }) {
  const form = useApiForm({
    initial: { way: "generate" as "generate" | "csr", csr: "", protocol: "aws", externalId: "", reason: "" },
    fields: ["csr", "externalId", "reason"],
    submit: async ({ way, csr, protocol, externalId, reason }) =>
      onMade(
        await take(
          api.POST("/api/v1/devices/{name}/replace", {
            params: { path: { name: device.name } },
            body: {
              ...(way === "csr" ? { csr } : { generateKey: true }),
              ...(externalId ? { externalId: { protocol, externalId } } : {}),
              ...(reason ? { reason } : {}),
            },
          }),
        ),
      ),
  });
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <Text size="sm">
          The new hardware takes over the record: name, attributes, shadows, history and jobs stay. The
          credentials of the old hardware are revoked in the same step, and its connections close.
        </Text>
        <Radio.Group
          label="Its key"
          value={form.values.way}
          onChange={(way) => form.set({ way: way as "generate" | "csr" })}
        >
          <Stack gap={6} mt={6}>
            <Radio value="generate" label="The server makes a key; I download it once" />
            <Radio value="csr" label="The hardware made its own key; I have its certificate request" />
          </Stack>
        </Radio.Group>
        {form.values.way === "csr" ? (
          <Textarea
            label="Certificate request (PEM)"
            required
            autosize
            minRows={4}
            maxRows={12}
            className="mono"
            value={form.values.csr}
            onChange={(event) => form.set({ csr: event.currentTarget.value })}
            error={form.fieldError("csr")}
          />
        ) : null}
        <TextInput
          label="Id burnt into the new hardware"
          description="If it calls itself something else; it becomes another id of this device."
          value={form.values.externalId}
          onChange={(event) => form.set({ externalId: event.currentTarget.value })}
          error={form.fieldError("externalId")}
        />
        <TextInput
          label="Reason"
          description="For the audit"
          value={form.values.reason}
          onChange={(event) => form.set({ reason: event.currentTarget.value })}
          error={form.fieldError("reason")}
        />
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button type="submit" color="red.9" loading={form.busy}>
            Replace, and revoke the old credentials
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
