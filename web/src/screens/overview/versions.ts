// How the distribution of versions is drawn from its facet. Pure.

export interface Share {
  /** As it is asked for: component and version. */
  running: string;
  version: string;
  count: number;
  /** Of the most frequent one, 0 to 1. */
  part: number;
}

export interface Component {
  component: string;
  shares: Share[];
  /** Devices on versions that are not shown. */
  others: number;
}

/** The most frequent versions of each component, with how many devices run others; `facet` has the most frequent first. */
export function distribution(facet: { value: string; count: number }[], most: number): Component[] {
  const components = new Map<string, Omit<Share, "part">[]>();
  for (const { value, count } of facet) {
    const blank = value.indexOf(" ");
    if (blank < 1) continue;
    // Blanks of the name itself are no-break ones.
    const component = value.slice(0, blank).replaceAll("\u00a0", " ");
    const all = components.get(component) ?? [];
    all.push({ running: value, version: value.slice(blank + 1), count });
    components.set(component, all);
  }
  return [...components].map(([component, all]) => {
    const largest = Math.max(1, ...all.map(({ count }) => count));
    return {
      component,
      shares: all.slice(0, most).map((it) => ({ ...it, part: it.count / largest })),
      others: all.slice(most).reduce((sum, { count }) => sum + count, 0),
    };
  });
}
