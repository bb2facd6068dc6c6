/** "Why is this device not updated?", for any device, whether its turn has come or not. */
import { useState } from "react";

import { Button, Group, Stack, Text, TextInput } from "@mantine/core";

import { fault, path, request, useAct, type Schemas } from "../../kit/api";
import { Go } from "../../kit/nav";
import { Trouble } from "../../kit/parts";
import { Panel } from "../../ui/Page";
import { StateOf } from "../../ui/Status";
import { Why } from "../../ui/Why";

type Standing = Schemas["DeviceUpdate"];

export function WhyNot({ job }: { job: Schemas["Job"] }) {
  const [device, setDevice] = useState("");
  const ask = useAct<string, Standing>((name) => request("GET", path("jobs", job.id, "devices", name)), []);
  const asked = ask.variables ?? "";
  if (job.kind !== "update") return null;
  return (
    <Panel title="Why is a device not updated?">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask.mutate(device.trim());
        }}
      >
        <Group align="flex-start" gap="xs">
          <TextInput
            aria-label="Name of the device"
            placeholder="pump-17"
            required
            style={{ flex: 1, maxWidth: 320 }}
            value={device}
            onChange={(event) => setDevice(event.currentTarget.value)}
            error={fault(ask.error, "device")}
          />
          <Button type="submit" variant="default" loading={ask.isPending}>
            Ask
          </Button>
        </Group>
      </form>
      <Trouble problem={ask.error} shown={["device"]} />
      {ask.data ? (
        <Stack gap={4} mt="sm" role="status">
          <Text size="sm" component="div">
            <Go to={`/devices/${encodeURIComponent(asked)}`}>{asked}</Go>{" "}
            {ask.data.outcome ? <StateOf state={ask.data.outcome} /> : null}
          </Text>
          <Why why={ask.data.why} action={ask.data.action} />
        </Stack>
      ) : null}
    </Panel>
  );
}
