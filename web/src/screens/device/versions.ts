// Which versions a device shows, by the places that its type names. Pure. How the server judges an update by them is
// in the domain's `job::verdict`; here everything that shows is listed, whether a job is about it or not.
import type { Schemas } from "../../api/client";

type Source = Schemas["VersionSource"];

export interface Shown {
  /** The component, or the last part of the place where it shows. */
  what: string;
  version: string;
}

/** What the server takes where a type names no place. */
const DEFAULT: Source[] = [{ reported: "firmware.version" }, { reported: "components.{component}" }];

const COMPONENT = "{component}";

/** Everything that shows, each thing once: the first place that has a version for it decides. */
export function versionsOf(
  sources: Source[] | null | undefined,
  reported: unknown,
  inventory: Record<string, string>,
): Shown[] {
  const shown = new Map<string, string>();
  for (const source of sources?.length ? sources : DEFAULT) {
    if (source === "nowhere") break;
    const found =
      "inventory" in source
        ? inInventory(source.inventory, inventory)
        : inReported(source.reported, reported);
    for (const [what, version] of found) if (!shown.has(what)) shown.set(what, version);
  }
  return [...shown].map(([what, version]) => ({ what, version }));
}

function* inInventory(key: string, inventory: Record<string, string>): Generator<[string, string]> {
  const [before = "", after] = key.split(COMPONENT);
  if (after === undefined) {
    const version = inventory[key];
    if (version) yield [whatOf(key), version];
    return;
  }
  for (const [name, version] of Object.entries(inventory)) {
    const isOne =
      name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
    if (isOne && version) yield [name.slice(before.length, name.length - after.length), version];
  }
}

function* inReported(path: string, reported: unknown): Generator<[string, string]> {
  const parts = path.split(".");
  const place = parts.indexOf(COMPONENT);
  if (place === -1) {
    const version = text(at(reported, parts));
    if (version) yield [whatOf(path), version];
    return;
  }
  const all = at(reported, parts.slice(0, place));
  if (typeof all !== "object" || all === null || Array.isArray(all)) return;
  for (const [name, below] of Object.entries(all)) {
    const version = text(at(below, parts.slice(place + 1)));
    if (version) yield [name, version];
  }
}

/** "firmware.version" is about the firmware, "os" about the os. */
function whatOf(path: string): string {
  const parts = path.split(/[._-]/).filter((part) => part !== "" && part !== "version");
  return parts.at(-1) ?? "version";
}

function at(value: unknown, parts: string[]): unknown {
  let here = value;
  for (const part of parts) {
    if (typeof here !== "object" || here === null || Array.isArray(here)) return undefined;
    here = Object.entries(here).find(([key]) => key === part)?.[1];
  }
  return here;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}
