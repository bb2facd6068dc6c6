import { expect, it } from "vitest";

import { NEW_WAVE, START, type Draft } from "./draft";
import { summary } from "./sentence";

const draft = (change: Partial<Draft>): Draft => ({
  ...START,
  release: "pump-fw@2.0.0",
  targetKind: "type",
  target: "pump",
  ...change,
});

it("says the usual rollout in one sentence", () => {
  expect(summary(draft({}), 1200)).toBe(
    "Windlass will now install pump-fw 2.0.0 on 1,200 devices: 1 device, then 10%, then the rest, each wave when the " +
      "one before is settled; it will stop as soon as a device fails.",
  );
});

it("says when it begins and what never happens by itself", () => {
  const plain = draft({ plan: "everybody", failures: "", begin: "manually" });
  expect(summary(plain, 1)).toBe(
    "Once you start it, Windlass will install pump-fw 2.0.0 on 1 device: all at once; it will never stop by itself.",
  );
  expect(summary({ ...plain, approval: true }, 1)).toContain(
    "Once somebody else has approved it and you start it,",
  );
  const later = { ...plain, begin: "at" as const, beginAt: "2026-12-01T02:30" };
  expect(summary(later, 1)).toContain("On 2026-12-01 02:30 Windlass will install");
  expect(summary({ ...later, approval: true }, 1)).toContain("approved it, but not before 2026-12-01 02:30,");
});

it("says what each handling means for the devices", () => {
  const said = (change: Partial<Draft>) => summary(draft(change), 2);
  expect(said({ handling: "soft" })).toContain(
    "offer pump-fw 2.0.0 to 2 devices, which install it when they like",
  );
  expect(said({ handling: "timeForced", forcedAt: "2026-12-01T02:30" })).toContain(
    "at once from 2026-12-01 02:30 on",
  );
  expect(said({ handling: "downloadOnly" })).toContain("download pump-fw 2.0.0 without installing it");
});

it("says each condition", () => {
  const said = summary(
    draft({
      plan: "own",
      waves: [{ ...NEW_WAVE, by: "count", size: 5, query: "tag==lab", pauseAfter: true }, NEW_WAVE],
      success: 90,
      window: true,
      consent: true,
      concurrency: 50,
      continuous: true,
      failuresPercent: 5,
      endAt: "2026-12-24T00:00",
    }),
    9,
  );
  expect(said).toContain("5 devices of tag==lab and a pause, then 10%, then the rest");
  expect(said).toContain("each wave when 90% of the one before succeeded");
  expect(said).toContain(
    ", only while a maintenance window is open, after the user of each device has agreed",
  );
  expect(said).toContain(", at most 50 devices at a time, and later each device that comes to match;");
  expect(said).toContain("a device fails or more than 5% of a wave fail and end on 2026-12-24 00:00.");
});

it("says how long a device may take where that was asked for", () => {
  expect(summary(draft({ pickUpMinutes: 1.5, downloadMinutes: 60 }), 2)).toMatch(
    / device fails\. A device has 90 s to begin, 1 h to download\.$/,
  );
});
