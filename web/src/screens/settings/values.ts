/** Settings by key while they are edited, and what has changed of them. Pure. */

export type Value = string | number | boolean | null;
export type Values = Record<string, Value>;

/** What the server told, by key; what is no plain value, or was not told, is left out. */
export function known(settings: { key: string; value?: unknown }[]): Values {
  const values: Values = {};
  for (const { key, value } of settings)
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      values[key] = value;
  return values;
}

/** Only what is not as it was. */
export function changed(from: Values, to: Values): Values {
  return Object.fromEntries(Object.entries(to).filter(([key, value]) => from[key] !== value));
}
