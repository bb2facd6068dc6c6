/**
 * A rollout while it is thought up: what it asks the server for, and the sentence that says what will happen.
 *
 * Pure: knows neither React nor the server.
 */
import { quoted } from "../../api/query";
import type { Schemas } from "../../kit/api";
import { counted } from "../../ui/format";

export type TargetKind = "query" | "type" | "tag" | "group" | "devices";
export type Plan = "canary" | "everybody" | "own";

export type Draft = {
  what: "release" | "document";
  /** `name@version`. */
  release: string;
  force: boolean;
  document: string;
  description: string;
  targetKind: TargetKind;
  target: string;
  plan: Plan;
  /** For a plan of one's own: `5, 20%`. */
  waves: string;
  stopAfterPercent: number | "";
  stopAfterCount: number | "";
  retries: number;
  begin: "now" | "manually";
};

export const START: Draft = {
  what: "release",
  release: "",
  force: false,
  document: '{\n  "operation": "hello"\n}',
  description: "",
  targetKind: "query",
  target: "",
  plan: "canary",
  waves: "1, 10%",
  stopAfterPercent: "",
  stopAfterCount: 0,
  retries: 0,
  begin: "now",
};

const names = (text: string) => text.split(/[\s,;]+/).filter((name) => name !== "");

/** The fleet query that finds the draft's devices, or nothing while no target is chosen. */
export function targetQuery(kind: TargetKind, target: string): string | null {
  const value = target.trim();
  if (value === "") return null;
  if (kind === "query") return value;
  if (kind === "devices") return `name=in=(${names(value).map(quoted).join(",")})`;
  return `${kind}==${quoted(value)}`;
}

export type WaveSize = { count: number } | { percent: number };

/** Reads `5, 20%`; a sentence where it cannot. */
export function readWaves(text: string): WaveSize[] | string {
  const sizes: WaveSize[] = [];
  for (const part of text
    .split(",")
    .map((it) => it.trim())
    .filter((it) => it !== "")) {
    const match = /^(\d+)\s*(%?)$/.exec(part);
    const size = Number(match?.[1]);
    if (!match || size < 1) return `“${part}” is no size: write a number of devices, or a share such as 20%.`;
    if (match[2] && size > 100) return `“${part}” is more than all devices.`;
    sizes.push(match[2] ? { percent: size } : { count: size });
  }
  return sizes;
}

const wavesOf = (draft: Draft): WaveSize[] => {
  if (draft.plan === "everybody") return [];
  if (draft.plan === "canary") return [{ count: 1 }, { percent: 10 }];
  const read = readWaves(draft.waves);
  return typeof read === "string" ? [] : read;
};

/** What is still missing, by field. */
export function missing(draft: Draft): Partial<Record<keyof Draft, string>> {
  const problems: Partial<Record<keyof Draft, string>> = {};
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
  if (draft.plan === "own") {
    const read = readWaves(draft.waves);
    if (typeof read === "string") problems.waves = read;
  }
  return problems;
}

/** What the server is asked for. Only for a draft that misses nothing. */
export function toJob(draft: Draft): Schemas["NewJob"] {
  const at = draft.release.indexOf("@");
  const threshold = draft.stopAfterCount !== "" || draft.stopAfterPercent !== "";
  const targets =
    draft.targetKind === "devices"
      ? { devices: names(draft.target) }
      : { [draft.targetKind]: draft.target.trim() };
  return {
    kind: draft.what === "release" ? "update" : "custom",
    description: draft.description.trim(),
    targets,
    ...(draft.what === "release"
      ? {
          release: { name: draft.release.slice(0, at), version: draft.release.slice(at + 1) },
          force: draft.force,
        }
      : { document: JSON.parse(draft.document) as unknown }),
    waves: wavesOf(draft),
    ...(threshold
      ? {
          failureThreshold: {
            ...(draft.stopAfterCount === "" ? {} : { count: draft.stopAfterCount }),
            ...(draft.stopAfterPercent === "" ? {} : { percent: draft.stopAfterPercent }),
          },
        }
      : {}),
    retries: draft.retries,
    begin: draft.begin,
  } as Schemas["NewJob"];
}

const waveWords = (wave: WaveSize) => ("count" in wave ? counted(wave.count, "device") : `${wave.percent}%`);

/** What will happen, in one sentence. */
export function summary(draft: Draft, matching: number): string {
  const what =
    draft.what === "release" ? `install ${draft.release.replace("@", " ")} on` : "hand your document to";
  const waves = wavesOf(draft);
  const how =
    waves.length === 0
      ? "all at once"
      : `${waves.map(waveWords).join(", then ")}, then the rest, each wave when the one before is settled`;
  const stops = [
    draft.stopAfterCount === "" ? null : `more than ${counted(draft.stopAfterCount, "device")}`,
    draft.stopAfterPercent === "" ? null : `more than ${draft.stopAfterPercent}%`,
  ].filter((it) => it !== null);
  const stop =
    stops.length === 0 ? "never stop by itself" : `stop as soon as ${stops.join(" or ")} of a wave fail`;
  const begin = draft.begin === "now" ? "Windlass will now" : "When you start it, Windlass will";
  return `${begin} ${what} ${counted(matching, "device")}: ${how}; it will ${stop}.`;
}
