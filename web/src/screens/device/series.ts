// From what the API says about a metric to what a chart draws. Pure.
import type { Schemas } from "../../api/client";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const RANGES = [
  { id: "15m", ms: 15 * MINUTE },
  { id: "1h", ms: HOUR },
  { id: "6h", ms: 6 * HOUR },
  { id: "24h", ms: DAY },
  { id: "7d", ms: 7 * DAY },
  { id: "30d", ms: 30 * DAY },
] as const;

export type Range = { kind: "last"; id: string; ms: number } | { kind: "zoom"; from: number; to: number };

/** `1h`, or `<from>-<to>` in milliseconds; an hour for anything else. */
export function rangeOf(text: string | undefined): Range {
  const span = /^(\d{12,14})-(\d{12,14})$/.exec(text ?? "");
  if (span) {
    const [from, to] = [Number(span[1]), Number(span[2])];
    if (to > from) return { kind: "zoom", from, to };
  }
  const found = RANGES.find(({ id }) => id === text) ?? RANGES[1];
  return { kind: "last", ...found };
}

/** Seconds per step so that a chart has at most about 600; none where every point fits. */
export function stepFor(ms: number): number | undefined {
  if (ms <= HOUR) return undefined;
  const wanted = ms / 1000 / 600;
  return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400;
}

const STEPS = [10, 30, 60, 300, 600, 1800, 3600, 21_600, 86_400];

export interface ChartData {
  /** Seconds since 1970. */
  at: number[];
  mean: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  /** The last value, where it is no number. */
  text?: string;
}

export function seriesData(series: Schemas["Series"]): ChartData {
  if (series.steps?.length) {
    const steps = series.steps;
    return {
      at: steps.map((step) => Date.parse(step.at) / 1000),
      mean: steps.map((step) => step.mean),
      min: steps.map((step) => step.min),
      max: steps.map((step) => step.max),
    };
  }
  const points = series.points ?? [];
  const numbers = points.flatMap((point) => {
    const value = typeof point.value === "boolean" ? Number(point.value) : point.value;
    return typeof value === "number" ? [{ at: Date.parse(point.at) / 1000, value }] : [];
  });
  const last = points.at(-1)?.value;
  return {
    at: numbers.map((point) => point.at),
    mean: numbers.map((point) => point.value),
    text: typeof last === "string" ? last : undefined,
  };
}

/** What stands at a tick of the time axis; `step` is the distance of ticks in seconds. */
export function clock(seconds: number, step: number): string {
  const d = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  if (step >= 86_400) return day;
  const time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (step < 60) return `${time}:${two(d.getSeconds())}`;
  return time === "00:00" ? day : time;
}
