import { describe, expect, it } from "vitest";

import { missing, NEW_WAVE, START, targetQuery, wavesOf, type Draft, type WaveDraft } from "./draft";

const NOW = Date.parse("2026-11-25T12:00:00");

const draft = (change: Partial<Draft>): Draft => ({
  ...START,
  release: "pump-fw@2.0.0",
  targetKind: "type",
  target: "pump",
  ...change,
});

const wrong = (change: Partial<Draft>) => Object.keys(missing(draft(change), NOW)).sort();

describe("a rollout that is thought up", () => {
  it("needs a release and devices, and nothing else", () => {
    expect(Object.keys(missing(START, NOW)).sort()).toEqual(["release", "target"]);
    expect(wrong({})).toEqual([]);
  });

  it("says what is wrong with a document", () => {
    expect(missing(draft({ what: "document", document: "[1]" }), NOW).document).toBe("It must be an object.");
    expect(missing(draft({ what: "document", document: "{" }), NOW).document).toBeTruthy();
  });

  it("finds its devices with a query that quotes what needs it", () => {
    expect(targetQuery("type", " pump ")).toBe("type==pump");
    expect(targetQuery("tag", 'out door"')).toBe('tag=="out door\\""');
    expect(targetQuery("group", "eu/berlin")).toBe('group=="eu/berlin"');
    expect(targetQuery("devices", "a, b\nc")).toBe("name=in=(a,b,c)");
    expect(targetQuery("query", "  ")).toBeNull();
  });

  it("names what a choice still lacks", () => {
    expect(wrong({ plan: "own", waves: [{ ...NEW_WAVE, size: "" }] })).toEqual(["waves"]);
    expect(wrong({ order: "spread" })).toEqual(["orderBy"]);
    expect(wrong({ order: "random" })).toEqual([]);
    expect(wrong({ handling: "timeForced" })).toEqual(["forcedAt"]);
    expect(wrong({ begin: "at" })).toEqual(["beginAt"]);
    expect(wrong({ window: true, schedule: " ", windowMinutes: "" })).toEqual(["schedule", "windowMinutes"]);
    expect(wrong({ continuous: true, targetKind: "devices" })).toEqual(["continuous"]);
  });

  it("takes no number that cannot be, wherever the form asks for one", () => {
    const own = (part: Partial<WaveDraft>) => wrong({ plan: "own", waves: [{ ...NEW_WAVE, ...part }] });
    for (const part of [
      { by: "count", size: -7 },
      { by: "count", size: 0 },
      { by: "percent", size: 101 },
      { success: 0 },
      { failures: -1 },
      { failuresPercent: 101 },
      { minimum: 0 },
    ] as const)
      expect([part, own(part)]).toEqual([part, ["waves"]]);
    expect(own({ by: "count", size: 101, success: 100, failures: 0 })).toEqual([]);
    expect(wrong({ failures: -1, priority: 1001, retries: 11, concurrency: 0 })).toEqual([
      "concurrency",
      "failures",
      "priority",
      "retries",
    ]);
    expect(wrong({ continuous: true, laterSize: "" })).toEqual(["laterSize"]);
    const unasked = { laterSize: 0, windowMinutes: 0, rateKib: 0, downloadMinutes: 0, showMinutes: 0 };
    const document = { what: "document", document: "{}" } as const;
    expect(wrong({ ...unasked, ...document })).toEqual([]);
    expect(wrong({ ...unasked, window: true, continuous: true })).toEqual(Object.keys(unasked).sort());
  });

  it("begins in the future and ends after it has begun", () => {
    expect(wrong({ begin: "at", beginAt: "2026-11-25T11:59" })).toEqual(["beginAt"]);
    expect(wrong({ begin: "at", beginAt: "2026-11-25T12:01", endAt: "2026-11-25T12:01" })).toEqual(["endAt"]);
    expect(wrong({ begin: "at", beginAt: "2026-11-25T12:01", endAt: "2026-11-25T12:02" })).toEqual([]);
    expect(wrong({ endAt: "2026-11-25T12:00" })).toEqual(["endAt"]);
  });

  it("has the waves of its plan", () => {
    expect(wavesOf(draft({ plan: "everybody" }))).toEqual([]);
    expect(wavesOf(draft({})).map((wave) => [wave.by, wave.size])).toEqual([
      ["count", 1],
      ["percent", 10],
    ]);
    expect(wavesOf(draft({ plan: "own", waves: [NEW_WAVE] }))).toEqual([NEW_WAVE]);
  });
});
