/** Waves of one's own: how many devices, which, and what each must show before the next begins. */
import {
  ActionIcon,
  Button,
  Checkbox,
  Fieldset,
  Group,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";

import { fault, type ProblemError } from "../../kit/api";
import { BOUNDS, NEW_WAVE, sizeBounds, type WaveDraft } from "./draft";
import { NumberField } from "../../ui/NumberField";
import { Count, type Part } from "./fields";

/** Where a field begins that has no label above it, beside others that have one. */
const BELOW_LABEL = "1.36rem";

export function Waves({ draft, change, shown, refused }: Part) {
  const set = (place: number, part: Partial<WaveDraft>) =>
    change({ waves: draft.waves.map((wave, at) => (at === place ? { ...wave, ...part } : wave)) });
  return (
    <Stack gap="xs">
      {draft.waves.map((wave, place) => (
        <Wave
          key={place}
          number={place + 1}
          wave={wave}
          set={(part) => set(place, part)}
          remove={() => change({ waves: draft.waves.filter((_, at) => at !== place) })}
          refused={refused}
          tried={shown.waves !== undefined}
        />
      ))}
      <Text size="sm" c="dimmed">
        What these leave over is the last wave. Empty fields: as for the whole rollout.
      </Text>
      {shown.waves ? (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          {shown.waves}
        </Text>
      ) : null}
      <Button
        variant="default"
        size="compact-sm"
        style={{ alignSelf: "flex-start" }}
        onClick={() => change({ waves: [...draft.waves, NEW_WAVE] })}
      >
        Add a wave
      </Button>
    </Stack>
  );
}

function Wave(props: {
  number: number;
  wave: WaveDraft;
  set: (part: Partial<WaveDraft>) => void;
  remove: () => void;
  refused: ProblemError | null;
  /** Whether what is empty is marked by now. */
  tried: boolean;
}) {
  const { wave, set, refused } = props;
  const bounds = sizeBounds(wave);
  const place = `waves.${props.number - 1}`;
  const said = (field: string) => fault(refused, `rollout.waveTerms.${props.number - 1}.${field}`);
  return (
    <Fieldset legend={`Wave ${props.number}`}>
      <Stack gap="xs">
        <Group align="flex-start" gap="xs">
          <NumberField
            label="Size"
            w={110}
            min={bounds.least}
            max={bounds.most}
            value={wave.size}
            set={(size) => set({ size })}
            error={
              fault(refused, `${place}.count`) ??
              fault(refused, `${place}.percent`) ??
              fault(refused, place) ??
              (props.tried && wave.size === "" ? "How many?" : undefined)
            }
          />
          <Select
            aria-label={`Unit of wave ${props.number}`}
            w={120}
            mt={BELOW_LABEL}
            allowDeselect={false}
            data={[
              { value: "count", label: "devices" },
              { value: "percent", label: "% of all" },
            ]}
            value={wave.by}
            onChange={(by) => set({ by: by as WaveDraft["by"] })}
          />
          <TextInput
            label="Only those that match"
            placeholder="any"
            classNames={{ input: "mono" }}
            style={{ flex: 1, minWidth: 160 }}
            value={wave.query}
            onChange={(event) => set({ query: event.currentTarget.value })}
            error={said("query") ?? fault(refused, `${place}.query`)}
          />
          <ActionIcon
            variant="subtle"
            aria-label={`Remove wave ${props.number}`}
            onClick={props.remove}
            mt={`calc(${BELOW_LABEL} + 4px)`}
          >
            ✕
          </ActionIcon>
        </Group>
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs">
          <Count
            label="Go on at (%)"
            bounds={BOUNDS.success}
            value={wave.success}
            set={(success) => set({ success })}
            error={said("successPercent")}
          />
          <Count
            label="Stop above (devices)"
            bounds={BOUNDS.failures}
            value={wave.failures}
            set={(failures) => set({ failures })}
            error={said("failureThreshold.count")}
          />
          <Count
            label="Or above (%)"
            bounds={BOUNDS.failuresPercent}
            value={wave.failuresPercent}
            set={(failuresPercent) => set({ failuresPercent })}
            error={said("failureThreshold.percent")}
          />
          <Count
            label="After at least"
            bounds={BOUNDS.minimum}
            value={wave.minimum}
            set={(minimum) => set({ minimum })}
            error={said("failureThreshold.minimum")}
          />
        </SimpleGrid>
        <Checkbox
          label="Pause after this wave"
          checked={wave.pauseAfter}
          onChange={(event) => set({ pauseAfter: event.currentTarget.checked })}
        />
      </Stack>
    </Fieldset>
  );
}
