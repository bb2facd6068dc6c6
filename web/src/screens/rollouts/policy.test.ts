import { expect, it } from "vitest";

import { policyFacts, thresholdWords, timeoutWords } from "./policy";

it("says nothing about a rollout that is as plain as can be", () => {
  expect(policyFacts({})).toEqual([]);
  expect(
    policyFacts({ handling: "forced", priority: 1000, order: { by: "registered" }, approval: false }),
  ).toEqual([]);
});

it("says each choice in words", () => {
  const facts = Object.fromEntries(
    policyFacts(
      {
        handling: "timeForced",
        forcedAt: "2026-12-01T02:30:00",
        window: { schedule: "0 2 * * SAT", durationSeconds: 10_800 },
        order: { by: "attribute", attribute: "age", descending: true },
        downloadRate: { bytesPerSecond: 2048, by: "site" },
        priority: 10,
        continuous: { waveSize: 1 },
        backoff: { firstSeconds: 60, longestSeconds: 3600, codes: ["42"] },
      },
      { count: 0, percent: 10, minimum: 20 },
    ),
  );
  expect(facts).toEqual({
    "Devices install it": "when the device likes, at once from 2026-12-01 02:30 on",
    "Maintenance window": "0 2 * * SAT for 3 h, by each device’s own clock",
    "Stops when": "a device fails, or more than 10% of at least 20 fail",
    Order: "by age, highest first",
    "Download rate": "2.0 KiB a second for each site",
    Priority: "10",
    "Later devices": "join when they match, 1 device at most in a wave",
    "Tries again": "after 1 min, each pause twice the one before, only after 42",
  });
});

it("leaves out the half of a threshold that is not set", () => {
  expect(thresholdWords({ count: 1 })).toBe("more than 1 device fails");
  expect(thresholdWords({ percent: 5, minimum: 1 })).toBe("more than 5% fail");
});

it("says how long a device has in each phase that is timed", () => {
  expect(timeoutWords({ queuedSeconds: 86_400, inProgressSeconds: 7_200 })).toBe(
    "1 d to begin, 2 h to finish",
  );
  const each = { queuedSeconds: 90, downloadSeconds: 600, inProgressSeconds: 60, verifySeconds: 30 };
  const words = "90 s to begin, 10 min to download, 1 min to install, 30 s to show the new version";
  expect(timeoutWords(each)).toBe(words);
  expect(policyFacts({}, null, each)).toEqual([["A device has", words]]);
});
