// Documents of shadows: what to send so that one becomes another, and how they differ. Pure.

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A document as text that people edit. */
export function pretty(value: unknown): string {
  return value === undefined || value === null ? "{}" : JSON.stringify(value, null, 2);
}

/** The merge patch that turns `before` into `after`: what is gone is null, what stays is left out. */
export function toPatch(before: unknown, after: Json): Json {
  const old = isObject(before) ? before : {};
  const patch: Json = {};
  for (const key of Object.keys(old)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const present = old[key];
    if (isObject(value) && isObject(present)) {
      const inner = toPatch(present, value);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(present)) patch[key] = value;
  }
  return patch;
}

export interface DeltaRow {
  path: string;
  desired: string;
  reported?: string;
}

/** One row per leaf of the delta, with what was reported there. */
export function rows(delta: unknown, reported: unknown, path = ""): DeltaRow[] {
  if (isObject(delta))
    return Object.entries(delta).flatMap(([key, value]) =>
      rows(value, isObject(reported) ? reported[key] : undefined, path ? `${path}.${key}` : key),
    );
  if (delta === undefined || path === "") return [];
  return [
    {
      path,
      desired: JSON.stringify(delta),
      reported: reported === undefined ? undefined : JSON.stringify(reported),
    },
  ];
}
