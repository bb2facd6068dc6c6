/**
 * A rollout while it is thought up: what can be chosen, what it begins with, and what is still missing.
 *
 * Pure: knows neither React nor the server. What is asked of the server is in `request`, how it reads in `sentence`.
 */
import { quoted } from "../../api/query";

export type TargetKind = "query" | "type" | "tag" | "group" | "devices";
export type Plan = "canary" | "everybody" | "own";
export type Handling = "forced" | "soft" | "timeForced" | "downloadOnly";
export type Order = "registered" | "random" | "ascending" | "descending" | "spread";
export type Zone = "device" | "here" | "utc";

/** A number that may be left empty. */
export type Maybe = number | "";

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

  retries: number;
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
  if (draft.plan === "own" && draft.waves.some((wave) => wave.size === ""))
    problems.waves = "Every wave needs a size.";
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
  if (draft.window && draft.windowMinutes === "") problems.windowMinutes = "Say how long it stays open.";
  if (draft.continuous && draft.targetKind === "devices")
    problems.continuous = "Devices that are named one by one are all there is: no other can match later.";
  return problems;
}
