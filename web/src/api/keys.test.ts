import { describe, expect, it } from "vitest";
import { keyOf, path } from "../kit/api";
import { concerns } from "./keys";

describe("concerns", () => {
  it("makes a device's own page and every list of devices stale, and no other device", () => {
    const change = { kind: "presence", name: "pump-1" } as const;
    expect(concerns(change, ["device", "pump-1"])).toBe(true);
    expect(concerns(change, ["device", "list", "type==pump"])).toBe(true);
    expect(concerns(change, ["fleet"])).toBe(true);
    expect(concerns(change, ["device", "pump-2"])).toBe(false);
    expect(concerns(change, ["shadow", "pump-1"])).toBe(false);
  });
  it("makes jobs stale when one of their executions changes", () => {
    const change = { kind: "execution", id: 7, device: "pump-1" } as const;
    expect(concerns(change, ["job", 3])).toBe(true);
    expect(concerns(change, ["execution", "pump-1", "list"])).toBe(true);
    expect(concerns(change, ["execution", "pump-2", "list"])).toBe(false);
  });
  it("makes only the shadow of that device stale", () => {
    const change = { kind: "shadow", device: "pump-1" } as const;
    expect(concerns(change, ["shadow", "pump-1", "one", ""])).toBe(true);
    expect(concerns(change, ["shadow", "pump-2", "one", ""])).toBe(false);
  });
  it("makes what a rollout or a release holds stale when that changes", () => {
    const job = { kind: "job", id: 7 } as const;
    expect(concerns(job, keyOf(path("releases", "pump-fw", "2.0.0")))).toBe(true);
    expect(concerns(job, keyOf(path("releases")))).toBe(false);
    const release = { kind: "release", id: 3 } as const;
    for (const list of ["releases", "artifacts", "components"])
      expect(concerns(release, keyOf(path(list)))).toBe(true);
    expect(concerns(release, keyOf(path("components", "pump-fw", "2.0.0")))).toBe(true);
    expect(concerns(release, keyOf(path("types")))).toBe(false);
  });
  it("makes everything of a kind stale when nobody says which", () => {
    expect(concerns({ kind: "device" }, ["device", "pump-1"])).toBe(true);
    expect(concerns({ kind: "autoAssignment" }, keyOf(path("auto-assignments")))).toBe(true);
    expect(concerns({ kind: "alert", id: 1 }, ["alert", "list", "open"])).toBe(true);
  });
});
