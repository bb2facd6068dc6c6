import { afterEach, expect, it, vi } from "vitest";

import type { Page, Schemas } from "../../kit/api";
import { pageOf } from "./each";

type Foreseen = Schemas["PreviewDevice"];

const WANTED = {
  kind: "update",
  description: "",
  release: { name: "fw", version: "2.0" },
  targets: { query: "name==pump-*" },
} as unknown as Schemas["NewJob"];

const device = (name: string): Foreseen => ({
  device: name,
  wave: 1,
  outcome: "skipped",
  reason: "the device is suspended",
  action: "",
  begins: null,
  bytes: 0,
});

/** A server that answers these pages one after the other; what it was asked. */
function answers(...pages: Page<Foreseen>[]) {
  const asked: { url: URL; body: unknown; signal: unknown }[] = [];
  vi.stubGlobal("fetch", (target: string | Request, init?: RequestInit) => {
    const url = typeof target === "string" ? target : target.url;
    const body: unknown = JSON.parse(String(init?.body));
    asked.push({ url: new URL(url, "http://localhost"), body, signal: init?.signal });
    return Promise.resolve(Response.json(pages[asked.length - 1]));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

it("goes on where the server looked at many devices and none of them was wanted", async () => {
  const asked = answers(
    { items: [], cursor: "a" },
    { items: [], cursor: "b" },
    { items: [device("pump-9")], cursor: "c" },
  );
  const page = await pageOf(WANTED, { outcome: "skipped", reason: "the device is suspended" }, undefined);
  expect(page.items.map((it) => it.device)).toEqual(["pump-9"]);
  expect(page.cursor).toBe("c");
  expect(asked.map((it) => it.url.searchParams.get("cursor"))).toEqual([null, "a", "b"]);
  for (const { url, body } of asked) {
    expect(url.pathname).toBe("/api/v1/jobs/preview/devices");
    expect(url.searchParams.get("outcome")).toBe("skipped");
    expect(url.searchParams.get("reason")).toBe("the device is suspended");
    expect(body).toEqual(WANTED);
  }
});

it("ends with a last page that is empty, and with whoever asked", async () => {
  const asked = answers({ items: [] });
  expect((await pageOf(WANTED, {}, "z")).items).toEqual([]);
  expect(asked.map((it) => it.url.searchParams.get("cursor"))).toEqual(["z"]);
  await expect(pageOf(WANTED, {}, undefined, AbortSignal.abort())).rejects.toThrow();
  expect(asked.length).toBe(1);
  const leaving = new AbortController();
  await expect(pageOf(WANTED, {}, undefined, leaving.signal)).rejects.toThrow();
  expect(asked[1]?.signal).toBe(leaving.signal);
});
