import { describe, expect, it } from "vitest";
import { rangeOf, seriesData, stepFor } from "./series";

describe("rangeOf", () => {
  it("knows the usual ranges and a zoomed one, and takes an hour for anything else", () => {
    expect(rangeOf("6h")).toMatchObject({ kind: "last", ms: 6 * 3_600_000 });
    expect(rangeOf("1700000000000-1700000060000")).toEqual({
      kind: "zoom",
      from: 1_700_000_000_000,
      to: 1_700_000_060_000,
    });
    expect(rangeOf("1700000060000-1700000000000")).toMatchObject({ id: "1h" });
    expect(rangeOf("<script>")).toMatchObject({ id: "1h" });
    expect(rangeOf(undefined)).toMatchObject({ id: "1h" });
  });
});

describe("stepFor", () => {
  it("asks for points up to an hour, and for at most some 600 steps beyond", () => {
    expect(stepFor(3_600_000)).toBeUndefined();
    for (const days of [1, 7, 30, 365]) {
      const step = stepFor(days * 86_400_000);
      expect((days * 86_400) / (step ?? 1)).toBeLessThanOrEqual(600);
    }
  });
});

describe("seriesData", () => {
  const frame = { metric: "m", from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z", truncated: false };
  it("draws numbers and booleans, and tells a text as a text", () => {
    const at = "2026-01-01T00:00:01Z";
    const points = [
      { at, value: 1.5 },
      { at, value: true },
      { at, value: "on" },
    ];
    expect(seriesData({ ...frame, points })).toMatchObject({ mean: [1.5, 1], text: "on" });
  });
  it("draws steps with their least and greatest", () => {
    const steps = [{ at: "2026-01-01T00:00:00Z", count: 3, min: 1, mean: 2, max: 3 }];
    expect(seriesData({ ...frame, steps })).toMatchObject({ min: [1], mean: [2], max: [3] });
  });
});
