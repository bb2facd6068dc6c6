// Taking a device out of service: the server says beforehand what that does.
import {
  Button,
  Checkbox,
  Group,
  List,
  Modal,
  NumberInput,
  Radio,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, take, type Schemas } from "../../api/client";
import { useApiForm } from "../../ui/form";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import type { Device } from "./StatusTab";

type DecommissionPreview = Schemas["DecommissionPreview"];

interface DecommissionProps {
  device: Device;
  opened: boolean;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

export function Decommission({ device, opened, onClose, onDone }: DecommissionProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={`Take ${device.name} out of service`}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <DecommissionForm
        device={device}
        onDone={async (wiping) => {
          done(wiping ? "The wipe command is on its way." : `${device.name} is out of service.`);
          onClose();
          await onDone();
        }}
      />
    </Modal>
  );
}

function DecommissionForm({
  device,
  onDone,
}: {
  device: Device;
  onDone: (wiping: boolean) => Promise<void>;
}) {
  const form = useApiForm({
    initial: {
      data: "keep" as "keep" | "erase",
      wipe: false,
      command: "factory-reset",
      hours: 24,
      confirm: "",
    },
    fields: ["data", "wipe", "confirm"],
    submit: async ({ data, wipe, command, hours, confirm }) => {
      await take(
        api.POST("/api/v1/devices/{name}/decommission", {
          params: { path: { name: device.name } },
          body: { data, confirm, ...(wipe ? { wipe: { command, waitSeconds: hours * 3600 } } : {}) },
        }),
      );
      await onDone(wipe);
    },
  });
  const { data, wipe } = form.values;
  const preview = useQuery({
    queryKey: ["device", device.name, "decommission", data, wipe],
    queryFn: () =>
      take(
        api.GET("/api/v1/devices/{name}/decommission", {
          params: { path: { name: device.name }, query: { data, wipe } },
        }),
      ),
    placeholderData: (before) => before,
    retry: false,
  });
  const effects = (preview.data as DecommissionPreview | undefined)?.effects ?? [];
  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <Radio.Group
          label="Its data"
          value={data}
          onChange={(value) => form.set({ data: value as "keep" | "erase" })}
          error={form.fieldError("data")}
        >
          <Stack gap={6} mt={6}>
            <Radio value="keep" label="Keep telemetry, shadows and events" />
            <Radio value="erase" label="Erase them; the audit stays" />
          </Stack>
        </Radio.Group>
        <Checkbox
          label="Let it wipe itself first, with a command"
          checked={wipe}
          onChange={(event) => form.set({ wipe: event.currentTarget.checked })}
        />
        {wipe ? (
          <Group grow align="flex-start">
            <TextInput
              label="Command"
              className="mono"
              value={form.values.command}
              onChange={(event) => form.set({ command: event.currentTarget.value })}
              error={form.fieldError("wipe")}
            />
            <NumberInput
              label="Wait at most (hours)"
              min={1}
              max={720}
              value={form.values.hours}
              onChange={(hours) => form.set({ hours: Number(hours) || 24 })}
            />
          </Group>
        ) : null}
        <div aria-live="polite">
          <Text size="sm" fw={500}>
            What this does
          </Text>
          {effects.length > 0 ? (
            <List size="sm" mt={4} spacing={4}>
              {effects.map((effect) => (
                <List.Item key={effect} className="anywhere">
                  {effect}
                </List.Item>
              ))}
            </List>
          ) : (
            <Text size="sm" c="dimmed">
              {preview.isPending
                ? "Looking…"
                : "Its credentials are revoked, its connections close, and it never connects again."}
            </Text>
          )}
        </div>
        <TextInput
          label={`Type ${device.name} to go on`}
          autoComplete="off"
          value={form.values.confirm}
          onChange={(event) => form.set({ confirm: event.currentTarget.value })}
          error={form.fieldError("confirm")}
        />
        <Trouble error={form.problem} />
        <Group justify="flex-end">
          <Button
            type="submit"
            color="red.9"
            loading={form.busy}
            disabled={form.values.confirm !== device.name}
          >
            Take out of service
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
