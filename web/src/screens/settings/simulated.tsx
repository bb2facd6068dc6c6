/** Simulated devices of the server, on `/settings`: how many are connected, start, stop. */
import { Button, Card, Group, NumberInput, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";

import { fault } from "../../kit/api";
import { Trouble } from "../../kit/parts";
import { useCan } from "../../session/session";
import { count, counted } from "../../ui/format";
import { OFFERED, useSimulation } from "../start/simulation";

export function SimulatedDevices() {
  const may = useCan();
  const { now, start, stop } = useSimulation();
  const [wanted, setWanted] = useState(OFFERED);
  const it = now.data;
  if (!it?.available) return null;
  return (
    <Card withBorder component="section" aria-label="Simulated devices">
      <Stack gap="xs">
        <Title order={2} size="h4">
          Simulated devices
        </Title>
        <Text size="sm" role="status">
          {it.running
            ? `${count(it.connected)} of ${counted(it.devices, "simulated device")} are connected, over real MQTT and TLS.`
            : "Devices that connect over real MQTT and TLS, send telemetry and take updates, to try things on."}
        </Text>
        {it.problem ? <Text size="sm">{it.problem}</Text> : null}
        {may("server.manage") ? (
          <Group align="flex-end" gap="xs">
            {it.running ? (
              <Button variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>
                Stop them
              </Button>
            ) : (
              <>
                <NumberInput
                  label="How many"
                  min={1}
                  max={OFFERED}
                  w={120}
                  value={wanted}
                  onChange={(value) => setWanted(Number(value) || 0)}
                  error={fault(start.error, "devices")}
                />
                <Button variant="default" loading={start.isPending} onClick={() => start.mutate(wanted)}>
                  Start them
                </Button>
              </>
            )}
          </Group>
        ) : null}
        <Trouble problem={start.error} shown={["devices"]} />
        <Trouble problem={stop.error} />
      </Stack>
    </Card>
  );
}
