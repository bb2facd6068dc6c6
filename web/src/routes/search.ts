// Reading search parameters: whatever an address says becomes a value of the right type or is left out.

/** A text that is not empty. Numbers and booleans, which the router reads as such, are texts here. */
export function text(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** One of these words. */
export function oneOf<const W extends string>(words: readonly W[], value: unknown): W | undefined {
  return words.find((word) => word === value);
}

/** A list of words, joined by commas. */
export function list(value: unknown): string[] | undefined {
  const joined = text(value);
  return joined?.split(",").filter((word) => word !== "");
}

/** A whole number of at least `least`. */
export function whole(value: unknown, least = 0): number | undefined {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= least ? number : undefined;
}
