/** A number that may be left empty. It stays as it is typed: "0." on the way to "0.5" is kept, and "05" is 5. */
import { NumberInput, type NumberInputProps } from "@mantine/core";
import { useState } from "react";

export type Maybe = number | "";

/** What was typed as a number; empty for what is none yet, such as a sign alone. */
const numberOf = (typed: number | string): Maybe => {
  const number = typeof typed === "string" && typed.trim() === "" ? NaN : Number(typed);
  return Number.isNaN(number) ? "" : number;
};

/** `fraction`: whether a point may be typed; whole numbers do not take one. */
export function NumberField({
  value,
  set,
  fraction = false,
  ...rest
}: Omit<NumberInputProps, "value" | "onChange"> & {
  value: Maybe;
  set: (value: Maybe) => void;
  fraction?: boolean;
}) {
  const [typed, setTyped] = useState<number | string>(value);
  return (
    <NumberInput
      {...rest}
      allowDecimal={fraction}
      value={numberOf(typed) === value ? typed : value}
      onChange={(next) => {
        setTyped(next);
        set(numberOf(next));
      }}
    />
  );
}
