/** A span of seconds as the shortest exact text: `1 h`, `90 s`. */
export function span(seconds: number): string {
  for (const [size, name] of [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${name}`;
  }
  return `${seconds} s`;
}
