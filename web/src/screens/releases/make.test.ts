import { afterEach, expect, it, vi } from "vitest";

import { InTheWay, make, makeInPlaceOf, type Wanted } from "./make";

afterEach(() => void vi.unstubAllGlobals());

const WANTED: Wanted = {
  name: "fw",
  version: "2",
  kind: "os",
  types: [],
  notes: "",
  artifacts: [{ id: 9, name: "fw.bin", sha256: "aa" }],
  rules: { hardware: [], minimumSource: "", maximumSource: "", step: "" },
};
const COMPONENT = {
  name: "fw",
  version: "2",
  type: "os",
  artifacts: [{ id: 4, name: "fw.bin", sha256: "aa" }],
};
const PLACE = "/api/v1/components/fw/2?type=os";

/** Answers by method and path; what was asked, in order. */
function server(answers: Record<string, [status: number, body?: object]>) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const question = `${init.method ?? "GET"} ${url}`;
    asked.push(question);
    const [status, body] = answers[question] ?? [204];
    return Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body ?? {}), { status }));
  });
  return asked;
}
const exists = (what: string): [number, object] => [
  409,
  { code: `${what}.exists`, detail: "It exists already." },
];

it("takes a component that is there of the same file, and leaves no second file", async () => {
  const asked = server({
    "POST /api/v1/components": exists("component"),
    [`GET ${PLACE}`]: [200, { ...COMPONENT, releases: [] }],
    "POST /api/v1/releases": [201, { name: "fw", version: "2" }],
  });
  expect(await make(WANTED)).toMatchObject({ name: "fw" });
  expect(asked.at(-1)).toBe("DELETE /api/v1/artifacts/9");
});

it("says which component is in the way of another file, and makes the release once that is gone", async () => {
  const other = { ...COMPONENT, artifacts: [{ id: 4, name: "fw.bin", sha256: "bb" }], releases: [] };
  server({ "POST /api/v1/components": exists("component"), [`GET ${PLACE}`]: [200, other] });
  const refused = await make(WANTED).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InTheWay);
  expect((refused as InTheWay).detail).toBe("Component fw 2 of type os is made of other files.");

  const asked = server({ "POST /api/v1/components": [201], "POST /api/v1/releases": [201, {}] });
  await makeInPlaceOf(WANTED);
  expect(asked).toEqual([`DELETE ${PLACE}`, "POST /api/v1/components", "POST /api/v1/releases"]);
});

it("has deleted what was in the way, and leaves nothing of its own, where the release is refused then", async () => {
  const asked = server({
    "POST /api/v1/components": [201],
    "POST /api/v1/releases": [400, { code: "request.invalid" }],
  });
  await expect(makeInPlaceOf(WANTED)).rejects.toMatchObject({ code: "request.invalid" });
  const deleted = `DELETE ${PLACE}`;
  expect(asked).toEqual([deleted, "POST /api/v1/components", "POST /api/v1/releases", deleted]);
});

it("says of a release that is there already that its version is taken, and leaves no component of the try", async () => {
  const releases = [{ name: "fw", version: "2" }];
  const asked = server({ "POST /api/v1/components": [201], "POST /api/v1/releases": exists("release") });
  const fields = [{ field: "version", problem: "Release fw 2 exists already: choose another version." }];
  await expect(make(WANTED)).rejects.toMatchObject({ fields });
  expect(asked.at(-1)).toBe(`DELETE ${PLACE}`);
  server({
    "POST /api/v1/components": exists("component"),
    [`GET ${PLACE}`]: [200, { ...COMPONENT, artifacts: [], releases }],
  });
  await expect(make(WANTED)).rejects.toMatchObject({ fields });
});

it("keeps a component that was there before the try", async () => {
  const asked = server({
    "POST /api/v1/components": exists("component"),
    [`GET ${PLACE}`]: [200, { ...COMPONENT, releases: [] }],
    "POST /api/v1/releases": [400, { code: "request.invalid" }],
  });
  await expect(make(WANTED)).rejects.toMatchObject({ code: "request.invalid" });
  expect(asked.filter((it) => it.startsWith("DELETE"))).toEqual([]);
});
