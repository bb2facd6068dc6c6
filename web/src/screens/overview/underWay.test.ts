import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { AT_ONCE, underWay } from "./underWay";

const job = (id: number, state: string) => ({ id, state }) as Schemas["Job"];

describe("jobs under way", () => {
  it("are found behind pages on which nobody shows them", async () => {
    const asked: string[] = [];
    const found = await underWay((state, cursor) => {
      asked.push(`${state} ${cursor ?? "newest"}`);
      if (state !== "halted") {
        return Promise.resolve({ items: state === "running" ? [job(9, state), job(2, state)] : [] });
      }
      return Promise.resolve(
        cursor === "b" ? { items: [job(5, state)] } : { items: [], cursor: cursor === "a" ? "b" : "a" },
      );
    });
    expect(found.jobs.map((one) => one.id)).toEqual([9, 5, 2]);
    expect(found.isWhole).toBe(true);
    expect(asked.filter((one) => one.startsWith("halted"))).toEqual([
      "halted newest",
      "halted a",
      "halted b",
    ]);
    expect(asked.some((one) => /completed|canceled|denied/.test(one))).toBe(false);
  });

  it("are not looked for without end, and it shows", async () => {
    let asked = 0;
    const found = await underWay((state) => {
      asked += state === "halted" ? 1 : 0;
      return Promise.resolve({ items: [], cursor: state === "halted" ? "on" : null });
    });
    expect(asked).toBe(10);
    expect(found).toEqual({ jobs: [], isWhole: false });
  });

  it("are enough where a state has as many as are told", async () => {
    let asked = 0;
    const full = Array.from({ length: AT_ONCE }, (_, at) => job(at, "running"));
    const found = await underWay((state) => {
      asked += state === "running" ? 1 : 0;
      return Promise.resolve({
        items: state === "running" ? full : [],
        cursor: state === "running" ? "on" : null,
      });
    });
    expect([asked, found.jobs.length, found.isWhole]).toEqual([1, AT_ONCE, true]);
  });
});
