/** Fields that several parts of the rollout form are made of. */
import type { ReactNode } from "react";

import { TextInput } from "@mantine/core";

import { fault, type ProblemError } from "../../kit/api";
import { NumberField } from "../../ui/NumberField";
import type { Bounds, Draft, Maybe, Missing } from "./draft";

export type Change = (change: Partial<Draft>) => void;
/** What every part of the form gets: the draft, how to change it, what is wrong with it, and why it was refused. */
export type Part = { draft: Draft; change: Change; shown: Missing; refused: ProblemError | null };

/** Where the API speaks of a moment. */
const NAMES = { forcedAt: "rollout.forcedAt", beginAt: "begin", endAt: "rollout.endsAt" };

/** A moment in the browser's own time zone. */
export function Moment(
  props: Part & { label: string; field: "forcedAt" | "beginAt" | "endAt"; hint?: string },
) {
  const { draft, change, shown, refused, field } = props;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <TextInput
      type="datetime-local"
      label={props.label}
      description={`${props.hint ?? ""}${props.hint ? " " : ""}Time of this computer (${zone}).`}
      value={draft[field]}
      onChange={(event) => change({ [field]: event.currentTarget.value })}
      error={shown[field] ?? fault(refused, NAMES[field])}
    />
  );
}

/** A number that may be left empty; whole unless fractions mean something. */
export function Count(props: {
  label: string;
  hint?: string;
  value: Maybe;
  set: (value: Maybe) => void;
  bounds: Bounds;
  unit?: string;
  fraction?: boolean;
  error?: ReactNode;
}) {
  return (
    <NumberField
      label={props.label}
      description={props.hint}
      min={props.bounds.least}
      max={props.bounds.most}
      suffix={props.unit}
      value={props.value}
      set={props.set}
      fraction={props.fraction}
      error={props.error}
    />
  );
}
