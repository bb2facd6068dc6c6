/** How a rollout goes: its urgency and waves in sight, everything else folded away until it is wanted. */
import { Group, Radio, SimpleGrid, Stack } from "@mantine/core";

import { fault } from "../../kit/api";
import { BOUNDS, type Draft, type Handling } from "./draft";
import { Count, Moment, type Part } from "./fields";
import { More } from "./more";
import { Waves } from "./waves";

const HANDLING: { value: Handling; label: string; description: string }[] = [
  { value: "forced", label: "At once", description: "Devices install it as soon as they hear of it." },
  { value: "soft", label: "When the device likes", description: "A device with a user may ask first." },
  { value: "timeForced", label: "When it likes, until a time", description: "From then on at once." },
  { value: "downloadOnly", label: "Download only", description: "It is kept there, nothing is installed." },
];

export function How(part: Part) {
  const { draft, change } = part;
  return (
    <Stack maw={720} mt="md">
      {draft.what === "release" ? (
        <Radio.Group
          label="Devices install it"
          value={draft.handling}
          onChange={(handling) => change({ handling: handling as Handling })}
        >
          <SimpleGrid cols={{ base: 1, sm: 2 }} mt="xs" spacing="xs">
            {HANDLING.map((it) => (
              <Radio key={it.value} {...it} />
            ))}
          </SimpleGrid>
        </Radio.Group>
      ) : null}
      {draft.what === "release" && draft.handling === "timeForced" ? (
        <Moment label="At once from" field="forcedAt" {...part} />
      ) : null}
      <Radio.Group
        label="Waves"
        value={draft.plan}
        onChange={(plan) => change({ plan: plan as Draft["plan"] })}
      >
        <Stack mt="xs" gap="xs">
          <Radio value="canary" label="One device, then 10%, then the rest" />
          <Radio value="everybody" label="Everybody at once" />
          <Radio value="own" label="Waves of my own" />
        </Stack>
      </Radio.Group>
      {draft.plan === "own" ? <Waves {...part} /> : null}
      <Thresholds {...part} />
      <Radio.Group
        label="Begin"
        value={draft.begin}
        onChange={(begin) => change({ begin: begin as Draft["begin"] })}
      >
        <Group mt="xs">
          <Radio value="now" label="At once" />
          <Radio value="manually" label="When I start it" />
          <Radio value="at" label="At a time" />
        </Group>
      </Radio.Group>
      {draft.begin === "at" ? <Moment label="Begin at" field="beginAt" {...part} /> : null}
      <More {...part} />
    </Stack>
  );
}

function Thresholds({ draft, change, refused }: Part) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Count
        label="Stop after more failures than"
        hint="In a wave; empty: any number."
        bounds={BOUNDS.failures}
        value={draft.failures}
        set={(failures) => change({ failures })}
        error={fault(refused, "failureThreshold.count")}
      />
      <Count
        label="Or more percent than"
        hint="Of those that finished; empty: any share."
        bounds={BOUNDS.failuresPercent}
        value={draft.failuresPercent}
        set={(failuresPercent) => change({ failuresPercent })}
        error={fault(refused, "failureThreshold.percent")}
      />
    </SimpleGrid>
  );
}
