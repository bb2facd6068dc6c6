// Which facets tell the distribution of versions, and how it is drawn. Pure.
import type { Schemas } from "../../api/client";

/** As many facets as the server counts in one request. */
const MOST = 10;

/** Inventory keys under which types say that a version shows, each once. */
export function versionKeys(types: Pick<Schemas["DeviceType"], "versionSources">[]): string[] {
  const keys = types
    .flatMap((type) => type.versionSources ?? [])
    .flatMap((source) => (source !== "nowhere" && "inventory" in source ? [source.inventory] : []))
    .filter((key) => key !== "" && !key.includes("{component}"));
  return [...new Set(keys)].slice(0, MOST);
}

export interface Share {
  version: string;
  count: number;
  /** Of the most frequent one, 0 to 1. */
  part: number;
}

/** The most frequent versions, with how many devices run others. */
export function shares(
  facet: { value: string; count: number }[],
  most: number,
): { shares: Share[]; others: number } {
  const top = facet.slice(0, most);
  const largest = Math.max(1, ...top.map(({ count }) => count));
  return {
    shares: top.map(({ value, count }) => ({ version: value, count, part: count / largest })),
    others: facet.slice(most).reduce((sum, { count }) => sum + count, 0),
  };
}
