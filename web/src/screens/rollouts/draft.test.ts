import { describe, expect, it } from "vitest";

import { missing, readWaves, START, summary, targetQuery, toJob, type Draft } from "./draft";

const draft = (change: Partial<Draft>): Draft => ({
  ...START,
  release: "pump-fw@2.0.0",
  targetKind: "type",
  target: "pump",
  ...change,
});

describe("a rollout that is thought up", () => {
  it("names everything that is missing", () => {
    expect(Object.keys(missing(START)).sort()).toEqual(["release", "target"]);
    expect(missing(draft({ what: "document", document: "[1]" })).document).toBe("It must be an object.");
    expect(missing(draft({ what: "document", document: "{" })).document).toBeTruthy();
    expect(missing(draft({}))).toEqual({});
  });

  it("finds its devices with a query that quotes what needs it", () => {
    expect(targetQuery("type", " pump ")).toBe("type==pump");
    expect(targetQuery("tag", 'out door"')).toBe('tag=="out door\\""');
    expect(targetQuery("group", "eu/berlin")).toBe('group=="eu/berlin"');
    expect(targetQuery("devices", "a, b\nc")).toBe("name=in=(a,b,c)");
    expect(targetQuery("query", "  ")).toBeNull();
  });

  it("reads sizes of waves and says which one is wrong", () => {
    expect(readWaves("5, 20%")).toEqual([{ count: 5 }, { percent: 20 }]);
    expect(readWaves("")).toEqual([]);
    for (const bad of ["0", "-1", "101%", "x", "1.5", "5%%"]) expect(readWaves(bad)).toContain(bad);
  });

  it("asks for what it shows", () => {
    expect(toJob(draft({ release: "a@b@c" })).release).toEqual({ name: "a", version: "b@c" });
    expect(toJob(draft({ stopAfterCount: "", stopAfterPercent: "" }))).not.toHaveProperty("failureThreshold");
    expect(toJob(draft({ stopAfterCount: 0 })).failureThreshold).toEqual({ count: 0 });
    expect(toJob(draft({ plan: "everybody" })).waves).toEqual([]);
  });

  it("is said in one sentence", () => {
    expect(summary(draft({}), 1200)).toBe(
      "Windlass will now install pump-fw 2.0.0 on 1,200 devices: 1 device, then 10%, then the rest, each wave when the " +
        "one before is settled; it will stop as soon as more than 0 devices of a wave fail.",
    );
    expect(summary(draft({ plan: "everybody", stopAfterCount: "", begin: "manually" }), 1)).toBe(
      "When you start it, Windlass will install pump-fw 2.0.0 on 1 device: all at once; it will never stop by itself.",
    );
  });
});
