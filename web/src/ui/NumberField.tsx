/**
 * A number that may be left empty. It stays as it is typed: "0." on the way to "0.5" is kept, and "05" is 5. One that is
 * out of bounds is not made another one; the field says which there may be.
 */
import { NumberInput, type NumberInputProps } from "@mantine/core";
import { useState } from "react";

export type Maybe = number | "";

/** What was typed as a number; empty for what is none yet, such as a sign alone. */
const numberOf = (typed: number | string): Maybe => {
  const number = typeof typed === "string" && typed.trim() === "" ? NaN : Number(typed);
  return Number.isNaN(number) ? "" : number;
};

/** Why a number cannot be, for its bounds; nothing where it can. */
export function outOfBounds(value: Maybe, least?: number, most?: number): string | undefined {
  if (value === "") return undefined;
  if (least !== undefined && value < least) return `At least ${least}.`;
  if (most !== undefined && value > most) return `At most ${most}.`;
  return undefined;
}

/** `fraction`: whether a point may be typed; whole numbers do not take one. */
export function NumberField({
  value,
  set,
  fraction = false,
  min,
  max,
  error,
  ...rest
}: Omit<NumberInputProps, "value" | "onChange" | "min" | "max"> & {
  value: Maybe;
  min?: number | undefined;
  max?: number | undefined;
  set: (value: Maybe) => void;
  fraction?: boolean;
}) {
  const [typed, setTyped] = useState<number | string>(value);
  return (
    <NumberInput
      {...rest}
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      clampBehavior="none"
      error={error ?? outOfBounds(value, min, max)}
      allowDecimal={fraction}
      value={numberOf(typed) === value ? typed : value}
      onChange={(next) => {
        setTyped(next);
        set(numberOf(next));
      }}
    />
  );
}
