import { expect, it } from "vitest";

import { NEW_WAVE, START, type Draft } from "./draft";
import { stepOf, toJob } from "./request";

const job = (change: Partial<Draft>) =>
  toJob({ ...START, release: "pump-fw@2.0.0", targetKind: "type", target: " pump ", ...change });

it("knows in which step of the form it asked for what was refused", () => {
  const step = (...fields: string[]) => stepOf(fields.map((field) => ({ field })));
  expect(step("rollout.waveTerms.0.query")).toBe(1);
  expect(step("rollout.window.schedule", "release")).toBe(0);
  expect(step("targets.query")).toBe(0);
  expect(step("releases"), "another field that begins like one").toBe(1);
  expect(step("description")).toBeNull();
  expect(step()).toBeNull();
});

it("asks for nothing that was not chosen", () => {
  expect(job({})).toEqual({
    kind: "update",
    description: "",
    targets: { type: "pump" },
    release: { name: "pump-fw", version: "2.0.0" },
    force: false,
    waves: [{ count: 1 }, { percent: 10 }],
    failureThreshold: { count: 0 },
    retries: 0,
    begin: "now",
    rollout: { handling: "forced" },
  });
  expect(job({ failures: "", minimum: 5 })).not.toHaveProperty("failureThreshold");
  expect(job({ plan: "everybody" }).waves).toEqual([]);
  expect(job({ release: "a@b@c" }).release).toEqual({ name: "a", version: "b@c" });
});

it("asks for every choice by its name", () => {
  const { rollout, begin } = job({
    handling: "timeForced",
    forcedAt: "2026-12-01T02:30",
    begin: "at",
    beginAt: "2026-12-01T01:00",
    endAt: "2026-12-24T00:00",
    window: true,
    zone: "utc",
    concurrency: 50,
    rateKib: 64,
    rateBy: "site",
    priority: 0,
    supersede: true,
    downgrade: true,
    consent: true,
    approval: true,
    order: "descending",
    orderBy: "age",
    success: 90,
    retryMinutes: 5,
    retryCodes: ["42"],
  });
  expect(begin).toEqual({ at: new Date("2026-12-01T01:00").toISOString() });
  expect(rollout).toEqual({
    handling: "timeForced",
    forcedAt: new Date("2026-12-01T02:30").toISOString(),
    endsAt: new Date("2026-12-24T00:00").toISOString(),
    window: { schedule: "0 2 * * *", durationSeconds: 10_800, timezone: "UTC" },
    concurrency: 50,
    downloadRate: { bytesPerSecond: 65_536, by: "site" },
    priority: 0,
    supersede: true,
    allowDowngrade: true,
    consent: true,
    approval: true,
    order: { by: "attribute", attribute: "age", descending: true },
    successPercent: 90,
    backoff: { firstSeconds: 300, longestSeconds: 86_400, codes: ["42"] },
  });
});

it("gives each phase a time of its own, and only an update has all of them", () => {
  const minutes = { pickUpMinutes: 1, downloadMinutes: 60, workMinutes: 5, showMinutes: 2 } as const;
  expect(job(minutes).timeouts).toEqual({
    queuedSeconds: 60,
    downloadSeconds: 3600,
    inProgressSeconds: 300,
    verifySeconds: 120,
  });
  expect(job({ ...minutes, what: "document" }).timeouts).toEqual({
    queuedSeconds: 60,
    inProgressSeconds: 300,
  });
  expect(job({ downloadMinutes: 60 }).timeouts).toEqual({ downloadSeconds: 3600 });
  expect(job({})).not.toHaveProperty("timeouts");
});

it("tries again at once where only codes are named", () => {
  expect(job({ retryCodes: ["42"] }).rollout?.backoff).toMatchObject({ firstSeconds: 1, codes: ["42"] });
});

it("gives each wave its own terms", () => {
  const own = { ...NEW_WAVE, by: "count" as const, size: 5, query: "tag==lab", success: 80 };
  const { waves, rollout } = job({
    plan: "own",
    waves: [{ ...own, failures: 1, minimum: 3, pauseAfter: true }, NEW_WAVE],
  });
  expect(waves).toEqual([{ count: 5 }, { percent: 10 }]);
  expect(rollout?.waveTerms).toEqual([
    {
      query: "tag==lab",
      successPercent: 80,
      failureThreshold: { count: 1, minimum: 3 },
      pauseAfter: true,
    },
    { pauseAfter: false },
  ]);
});

it("finds devices that match later with a query, whatever was chosen", () => {
  const later = job({ continuous: true, laterSize: 20, targetKind: "group", target: "eu/berlin" });
  expect(later.targets).toEqual({ query: 'group=="eu/berlin"' });
  expect(later.rollout?.continuous).toEqual({ waveSize: 20 });
});

it("asks nothing about installing where nothing is installed", () => {
  const plain = job({ what: "document", window: true, consent: true, rateKib: 1, handling: "soft" });
  expect(plain.rollout).toEqual({});
  expect(plain.document).toEqual({ operation: "hello" });
});
