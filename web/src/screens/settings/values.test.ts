import { expect, it } from "vitest";

import { changed, known } from "./values";

it("knows what was told and nothing else", () => {
  const told = [
    { key: "pollingTime", value: "00:05:00" },
    { key: "on", value: false },
    { key: "secret" },
    { key: "odd", value: { nested: true } },
  ];
  expect(known(told)).toEqual({ pollingTime: "00:05:00", on: false });
});

it("sends what changed alone, also what went back to its default", () => {
  const from = { a: "1", b: true, c: 3 };
  expect(changed(from, { a: "1", b: false, c: null, d: "new" })).toEqual({ b: false, c: null, d: "new" });
  expect(changed(from, from)).toEqual({});
});
