import { expect, it } from "vitest";

import { pause, read } from "./parts";

const answer = (status: number, offset: string | null = null) => ({ status, offset, text: "" });

it("goes on where the server says, after success and after a conflict", () => {
  expect(read(answer(204, "12"), 20)).toEqual({ kind: "on", offset: 12 });
  expect(read(answer(204), 20)).toEqual({ kind: "on", offset: 20 });
  expect(read(answer(409, "7"), 20)).toEqual({ kind: "elsewhere", offset: 7 });
});

it("tries again what may succeed later and gives up what never will", () => {
  for (const status of [0, 408, 429, 502, 503]) expect(read(answer(status), 1)).toEqual({ kind: "cut" });
  for (const status of [400, 401, 404, 409, 413, 500])
    expect(read(answer(status), 1)).toEqual({ kind: "refused", status });
  expect(read(answer(409, "many"), 1)).toEqual({ kind: "refused", status: 409 });
});

it("waits longer each time, and never very long", () => {
  expect([1, 2, 3, 9].map(pause)).toEqual([500, 1000, 2000, 30_000]);
});
