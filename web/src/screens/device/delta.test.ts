import { describe, expect, it } from "vitest";
import { rows, toPatch } from "./delta";

describe("toPatch", () => {
  it("sends only what changed, and null for what is gone", () => {
    expect(toPatch({ a: 1, b: { c: 2, d: 3 }, e: [1] }, { b: { c: 2, d: 4 }, e: [1], f: "x" })).toEqual({
      a: null,
      b: { d: 4 },
      f: "x",
    });
  });
  it("sends nothing when nothing changed", () => {
    expect(toPatch({ a: { b: [1, { c: 1 }] } }, { a: { b: [1, { c: 1 }] } })).toEqual({});
  });
  it("starts from nothing when there was no document", () => {
    expect(toPatch(undefined, { a: { b: 1 } })).toEqual({ a: { b: 1 } });
  });
  it("replaces lists as a whole and an object by a value", () => {
    expect(toPatch({ a: [1, 2], b: { c: 1 } }, { a: [2], b: 5 })).toEqual({ a: [2], b: 5 });
  });
});

describe("rows", () => {
  it("lists every leaf with what was reported there", () => {
    expect(rows({ a: { b: 2 }, c: [1] }, { a: { b: 1 } })).toEqual([
      { path: "a.b", desired: "2", reported: "1" },
      { path: "c", desired: "[1]", reported: undefined },
    ]);
  });
  it("has none without a delta", () => {
    expect(rows(undefined, { a: 1 })).toEqual([]);
    expect(rows({}, {})).toEqual([]);
  });
});
