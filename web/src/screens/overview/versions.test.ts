import { expect, it } from "vitest";

import { shares, versionKeys } from "./versions";

it("counts by inventory keys that types name for a whole device", () => {
  expect(
    versionKeys([
      { versionSources: [{ inventory: "fw" }, { reported: "firmware.version" }, "nowhere"] },
      { versionSources: [{ inventory: "fw" }, { inventory: "{component}.version" }, { inventory: "os" }] },
      { versionSources: [] },
      {},
    ]),
  ).toEqual(["fw", "os"]);
});

it("shows the most frequent versions and sums up the rest", () => {
  const facet = [
    { value: "2.0", count: 8 },
    { value: "1.0", count: 2 },
    { value: "0.9", count: 1 },
    { value: "0.8", count: 1 },
  ];
  expect(shares(facet, 2)).toEqual({
    shares: [
      { version: "2.0", count: 8, part: 1 },
      { version: "1.0", count: 2, part: 0.25 },
    ],
    others: 2,
  });
  expect(shares([], 2)).toEqual({ shares: [], others: 0 });
});
