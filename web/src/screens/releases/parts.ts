/** What the answer to one part of an upload means. Pure. */

/** An answer; status 0 where none came. */
export type Answer = { status: number; offset: string | null; text: string };

export type Told =
  | { kind: "on"; offset: number }
  | { kind: "elsewhere"; offset: number }
  | { kind: "cut" }
  | { kind: "refused"; status: number };

/** Reads an answer to a part that ended at `end`. */
export function read(answer: Answer, end: number): Told {
  const { status } = answer;
  const offset = answer.offset === null ? null : Number(answer.offset);
  if (status >= 200 && status < 300) return { kind: "on", offset: offset ?? end };
  if (status === 409 && offset !== null && Number.isSafeInteger(offset)) return { kind: "elsewhere", offset };
  // The server is away, drains, or a proxy stands in for it: the same part may succeed later.
  if (status === 0 || status === 408 || status === 429 || status >= 502) return { kind: "cut" };
  return { kind: "refused", status };
}

/** Milliseconds before the next try after so many that went wrong. */
export const pause = (failures: number): number => Math.min(30_000, 500 * 2 ** Math.max(0, failures - 1));
