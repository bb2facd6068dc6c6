import { expect, it } from "vitest";

import { versionsOf } from "./versions";

it("looks where the server does when a type says nothing", () => {
  const reported = {
    firmware: { version: "2.0.0" },
    components: { app: "1.4", modem: { odd: true }, os: 7 },
  };
  expect(versionsOf([], reported, {})).toEqual([
    { what: "firmware", version: "2.0.0" },
    { what: "app", version: "1.4" },
    { what: "os", version: "7" },
  ]);
});

it("finds versions in the inventory, one or one for each component", () => {
  const inventory = { fw_version: "3.1", "app.version": "1", ".version": "no name", other: "x" };
  expect(versionsOf([{ inventory: "fw_version" }], {}, inventory)).toEqual([{ what: "fw", version: "3.1" }]);
  expect(versionsOf([{ inventory: "{component}.version" }], {}, inventory)).toEqual([
    { what: "app", version: "1" },
  ]);
});

it("lets the first place that has a version decide, and looks no further than nowhere", () => {
  const sources = [{ inventory: "os" }, { reported: "os" }, "nowhere" as const, { reported: "app" }];
  expect(versionsOf(sources, { os: "new", app: "2" }, { os: "old" })).toEqual([
    { what: "os", version: "old" },
  ]);
});

it("takes whatever a device reports without falling over it", () => {
  for (const reported of [
    null,
    "text",
    [1],
    { firmware: null },
    { components: ["a"] },
    { __proto__: { a: 1 } },
  ])
    expect(versionsOf(undefined, reported, {})).toEqual([]);
});
