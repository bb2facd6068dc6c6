import { describe, expect, it } from "vitest";
import { queryOf } from "./selection";

describe("queryOf", () => {
  it("is the list's own query when all matching are selected", () => {
    expect(queryOf({ picked: new Set(), allMatching: true }, "type==pump")).toBe("type==pump");
  });
  it("names the picked devices, and quotes what needs it", () => {
    expect(queryOf({ picked: new Set(["a-1", "b:2"]), allMatching: false }, "type==pump")).toBe(
      "name=in=(a-1,b:2)",
    );
  });
});
