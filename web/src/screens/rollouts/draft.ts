/**
 * A rollout while it is thought up: what can be chosen, what it begins with, and what is still missing.
 *
 * Pure: knows neither React nor the server. What is asked of the server is in `request`, how it reads in `sentence`.
 */
import { quoted } from "../../api/query";
import { outOfBounds, type Maybe } from "../../ui/NumberField";

export type { Maybe };

export type TargetKind = "query" | "type" | "tag" | "group" | "devices";
export type Plan = "canary" | "everybody" | "own";
export type Handling = "forced" | "soft" | "timeForced" | "downloadOnly";
export type Order = "registered" | "random" | "ascending" | "descending" | "spread";
export type Zone = "device" | "here" | "utc";

export type WaveDraft = {
  by: "count" | "percent";
  size: Maybe;
  /** Only targets that match this; empty: any that are left. */
  query: string;
  /** Overrides of the rollout's own thresholds; empty: as the rollout. */
  success: Maybe;
  failures: Maybe;
  failuresPercent: Maybe;
  minimum: Maybe;
  pauseAfter: boolean;
};

export type Draft = {
  what: "release" | "document";
  /** `name@version`. */
  release: string;
  force: boolean;
  document: string;
  description: string;
  targetKind: TargetKind;
  target: string;

  handling: Handling;
  /** As the browser's field writes it: local time without a zone. */
  forcedAt: string;

  plan: Plan;
  waves: WaveDraft[];
  order: Order;
  orderBy: string;
  success: Maybe;
  failures: Maybe;
  failuresPercent: Maybe;
  minimum: Maybe;

  begin: "now" | "manually" | "at";
  beginAt: string;
  endAt: string;
  window: boolean;
  schedule: string;
  windowMinutes: Maybe;
  zone: Zone;

  concurrency: Maybe;
  rateKib: Maybe;
  rateBy: string;
  priority: Maybe;
  supersede: boolean;
  downgrade: boolean;

  /** How long each phase may last, in minutes; empty: as the server has it. */
  pickUpMinutes: Maybe;
  downloadMinutes: Maybe;
  workMinutes: Maybe;
  showMinutes: Maybe;

  retries: Maybe;
  retryCodes: string[];
  retryMinutes: Maybe;

  consent: boolean;
  approval: boolean;
  continuous: boolean;
  laterSize: Maybe;
};

export const NEW_WAVE: WaveDraft = {
  by: "percent",
  size: 10,
  query: "",
  success: "",
  failures: "",
  failuresPercent: "",
  minimum: "",
  pauseAfter: false,
};

/** One device, then a tenth, then the rest, stopped by the first failure: careful, and nothing has to be chosen. */
export const START: Draft = {
  what: "release",
  release: "",
  force: false,
  document: '{\n  "operation": "hello"\n}',
  description: "",
  targetKind: "query",
  target: "",
  handling: "forced",
  forcedAt: "",
  plan: "canary",
  waves: [{ ...NEW_WAVE, by: "count", size: 1 }, NEW_WAVE],
  order: "registered",
  orderBy: "",
  success: "",
  failures: 0,
  failuresPercent: "",
  minimum: "",
  begin: "now",
  beginAt: "",
  endAt: "",
  window: false,
  schedule: "0 2 * * *",
  windowMinutes: 180,
  zone: "device",
  concurrency: "",
  rateKib: "",
  rateBy: "",
  priority: "",
  supersede: false,
  downgrade: false,
  pickUpMinutes: "",
  downloadMinutes: "",
  workMinutes: "",
  showMinutes: "",
  retries: 0,
  retryCodes: [],
  retryMinutes: "",
  consent: false,
  approval: false,
  continuous: false,
  laterSize: 100,
};

/** The least and the most that a number may be. */
export type Bounds = { least: number; most?: number };

/** A year, in minutes. */
const LONGEST = 525_600;
const PHASE: Bounds = { least: 1, most: LONGEST };

/** What the rollout's numbers may be; empty they may be all the same, where nothing else is said. */
export const BOUNDS = {
  success: { least: 1, most: 100 },
  failures: { least: 0 },
  failuresPercent: { least: 0, most: 100 },
  minimum: { least: 1 },
  windowMinutes: { least: 1, most: 10_080 },
  concurrency: { least: 1 },
  rateKib: { least: 1 },
  priority: { least: 0, most: 1000 },
  pickUpMinutes: PHASE,
  downloadMinutes: PHASE,
  workMinutes: PHASE,
  showMinutes: PHASE,
  retries: { least: 0, most: 10 },
  retryMinutes: { least: 1 },
  laterSize: { least: 1 },
} satisfies Partial<Record<keyof Draft, Bounds>>;

/** How large a wave may be. */
export const sizeBounds = ({ by }: WaveDraft): Bounds =>
  by === "percent" ? { least: 1, most: 100 } : { least: 1 };

const WAVE_NUMBERS = ["success", "failures", "failuresPercent", "minimum"] as const;

/** What is wrong with one of the own waves, if anything is. */
function waveFault(wave: WaveDraft): string | undefined {
  const size = sizeBounds(wave);
  if (wave.size === "") return "Every wave needs a size.";
  if (outOfBounds(wave.size, size.least, size.most)) return "A wave has a size that cannot be.";
  const wrong = WAVE_NUMBERS.some((name) => boundsFault(wave[name], BOUNDS[name]));
  return wrong ? "A wave has a number that cannot be." : undefined;
}

const boundsFault = (value: Maybe, { least, most }: Bounds) => outOfBounds(value, least, most);

/** The numbers that the form asks for as the draft stands. */
function asked(draft: Draft): (keyof typeof BOUNDS)[] {
  const update = draft.what === "release";
  const hidden = new Set<keyof typeof BOUNDS>([
    ...(update ? [] : (["rateKib", "downloadMinutes", "showMinutes"] as const)),
    ...(update && draft.window ? [] : (["windowMinutes"] as const)),
    ...(draft.continuous ? [] : (["laterSize"] as const)),
  ]);
  return (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).filter((name) => !hidden.has(name));
}

/** Names with commas, semicolons or blanks between them. */
export const namesIn = (text: string) => text.split(/[\s,;]+/).filter((name) => name !== "");

/** The fleet query that finds the draft's devices, or nothing while no target is chosen. */
export function targetQuery(kind: TargetKind, target: string): string | null {
  const value = target.trim();
  if (value === "") return null;
  if (kind === "query") return value;
  if (kind === "devices") return `name=in=(${namesIn(value).map(quoted).join(",")})`;
  return `${kind}==${quoted(value)}`;
}

/** The waves that the draft's plan stands for. */
export function wavesOf(draft: Draft): WaveDraft[] {
  switch (draft.plan) {
    case "everybody":
      return [];
    case "canary":
      return START.waves;
    case "own":
      return draft.waves;
  }
}

/** A time of the browser's field, in milliseconds; nothing where none is written. */
export function localTime(text: string): number | null {
  const at = text === "" ? Number.NaN : new Date(text).getTime();
  return Number.isNaN(at) ? null : at;
}

export type Missing = Partial<Record<keyof Draft, string>>;

/** What is still missing or cannot be, by field. `now` in milliseconds. */
export function missing(draft: Draft, now: number): Missing {
  const problems: Missing = {};
  if (draft.what === "release" && draft.release === "") problems.release = "Choose what to install.";
  if (draft.what === "document") {
    try {
      const value: unknown = JSON.parse(draft.document);
      if (typeof value !== "object" || value === null || Array.isArray(value))
        problems.document = "It must be an object.";
    } catch (error) {
      problems.document = error instanceof Error ? error.message : "It is not JSON.";
    }
  }
  if (targetQuery(draft.targetKind, draft.target) === null) problems.target = "Say for which devices.";
  const wave = draft.plan === "own" ? draft.waves.map(waveFault).find((fault) => fault) : undefined;
  if (wave) problems.waves = wave;
  for (const name of asked(draft)) {
    const fault = boundsFault(draft[name], BOUNDS[name]);
    if (fault) problems[name] = fault;
  }
  if (draft.order !== "registered" && draft.order !== "random" && draft.orderBy.trim() === "")
    problems.orderBy = "Say which attribute.";
  const [forcedAt, beginAt, endAt] = [draft.forcedAt, draft.beginAt, draft.endAt].map(localTime);
  if (draft.handling === "timeForced" && forcedAt == null) problems.forcedAt = "Say from when on.";
  if (draft.begin === "at") {
    if (beginAt == null) problems.beginAt = "Say when.";
    else if (beginAt <= now) problems.beginAt = "That is past; to begin now choose “At once”.";
  }
  if (endAt != null && endAt <= (draft.begin === "at" ? (beginAt ?? now) : now))
    problems.endAt = "It would end before it begins.";
  if (draft.window && draft.schedule.trim() === "") problems.schedule = "Say when the window opens.";
  if (draft.continuous && draft.laterSize === "") problems.laterSize = "Say how many at most.";
  if (draft.window && draft.windowMinutes === "") problems.windowMinutes = "Say how long it stays open.";
  if (draft.continuous && draft.targetKind === "devices")
    problems.continuous = "Devices that are named one by one are all there is: no other can match later.";
  return problems;
}
