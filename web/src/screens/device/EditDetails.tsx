// Type, kind, gateway, tags and attributes of a device, with a check that nobody else changed them meanwhile.
import { ActionIcon, Button, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, take, version } from "../../api/client";
import { useApiForm } from "../../ui/form";
import { IconClose, IconPlus } from "../../ui/icons";
import { done } from "../../ui/toast";
import { Trouble } from "../../ui/Trouble";
import type { Device } from "./StatusTab";

export function EditDetails({ device }: { device: Device }) {
  const [open, dialog] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open}>
        Edit
      </Button>
      <Modal
        opened={open}
        onClose={dialog.close}
        title={`Details of ${device.name}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <EditForm device={device} onDone={dialog.close} />
      </Modal>
    </>
  );
}

function EditForm({ device, onDone }: { device: Device; onDone: () => void }) {
  const client = useQueryClient();
  const types = useQuery({
    queryKey: ["type", "list", "names"],
    queryFn: () => take(api.GET("/api/v1/types", { params: { query: { limit: 1000 } } })),
  });
  const form = useApiForm({
    initial: {
      // The version that was read when the form was opened: whoever saves second is told.
      version: device.version,
      type: device.type ?? "",
      kind: device.kind,
      parent: device.parent ?? "",
      tags: device.tags,
      attributes: Object.entries(device.attributes),
    },
    fields: ["type", "kind", "parent", "tags", "attributes"],
    submit: async (values) => {
      const attributes = Object.fromEntries(values.attributes.filter(([key]) => key.trim() !== ""));
      await take(
        api.PUT("/api/v1/devices/{name}", {
          params: { path: { name: device.name }, header: { "If-Match": version(values.version) } },
          body: {
            type: values.type || null,
            kind: values.kind,
            parent: values.parent || null,
            tags: values.tags,
            attributes,
          },
        }),
      );
      await client.invalidateQueries({ queryKey: ["device"] });
      done("Saved.");
      onDone();
    },
  });
  const conflict = form.problem?.status === 412;
  const setPair = (place: number, pair: [string, string]) =>
    form.set({ attributes: form.values.attributes.map((old, at) => (at === place ? pair : old)) });

  return (
    <form onSubmit={(event) => void form.submit(event)}>
      <Stack gap="sm">
        <Group grow align="flex-start">
          <Select
            label="Type"
            data={[{ value: "", label: "none" }, ...(types.data?.items ?? []).map((type) => type.name)]}
            searchable
            value={form.values.type}
            onChange={(type) => form.set({ type: type ?? "" })}
            error={form.fieldError("type")}
          />
          <Select
            label="Kind"
            data={["device", "gateway"]}
            allowDeselect={false}
            value={form.values.kind}
            onChange={(kind) => kind && form.set({ kind: kind as Device["kind"] })}
            error={form.fieldError("kind")}
          />
        </Group>
        <TextInput
          label="Gateway"
          description="The device through which this one is connected"
          value={form.values.parent}
          onChange={(event) => form.set({ parent: event.currentTarget.value })}
          error={form.fieldError("parent")}
        />
        <TagsInput
          label="Tags"
          value={form.values.tags}
          onChange={(tags) => form.set({ tags })}
          error={form.fieldError("tags")}
          splitChars={[","]}
          acceptValueOnBlur
        />
        <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
          <Text component="legend" size="sm" fw={500}>
            Attributes
          </Text>
          <Stack gap={6} mt={4}>
            {form.values.attributes.map(([key, value], place) => (
              <Group key={place} gap={6} wrap="nowrap">
                <TextInput
                  aria-label={`Key of attribute ${place + 1}`}
                  placeholder="site"
                  value={key}
                  onChange={(event) => setPair(place, [event.currentTarget.value, value])}
                  w="38%"
                />
                <TextInput
                  aria-label={`Value of attribute ${place + 1}`}
                  placeholder="Berlin"
                  value={value}
                  onChange={(event) => setPair(place, [key, event.currentTarget.value])}
                  flex={1}
                />
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Remove attribute ${key || place + 1}`}
                  onClick={() =>
                    form.set({ attributes: form.values.attributes.filter((_, at) => at !== place) })
                  }
                >
                  <IconClose />
                </ActionIcon>
              </Group>
            ))}
            <div>
              <Button
                size="xs"
                variant="default"
                leftSection={<IconPlus />}
                onClick={() => form.set({ attributes: [...form.values.attributes, ["", ""]] })}
              >
                Add an attribute
              </Button>
            </div>
            {form.fieldError("attributes") ? (
              <Text size="sm" c="var(--mantine-color-error)" role="alert">
                {form.fieldError("attributes")}
              </Text>
            ) : null}
          </Stack>
        </fieldset>
        <Trouble error={form.problem} />
        {conflict ? (
          <Text size="sm">
            Somebody changed this device after you opened the form. The device now has version{" "}
            {device.version}.{" "}
            <Button size="xs" variant="default" onClick={() => form.set({ version: device.version })}>
              Save mine over it next time
            </Button>
          </Text>
        ) : null}
        <Group justify="flex-end">
          <Button type="submit" loading={form.busy}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
