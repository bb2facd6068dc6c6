import { expect, it } from "vitest";

import { NEW_TYPE, toSpec } from "./form";

it("leaves out what is empty, so that the server fills in its defaults", () => {
  expect(toSpec(NEW_TYPE)).toEqual({
    description: "",
    renewsCertificate: false,
    signers: [],
    requireSignature: false,
    topicMap: [],
    defaultAttributes: {},
  });
});

it("sends what was typed and drops attributes without a name", () => {
  const spec = toSpec({
    ...NEW_TYPE,
    contact: 60,
    sources: [{ reported: "fw.v" }, "nowhere"],
    attributes: [
      ["site", "berlin"],
      ["", "lost"],
    ],
  });
  expect(spec.contactIntervalSeconds).toBe(60);
  expect(spec.versionSources).toEqual([{ reported: "fw.v" }, "nowhere"]);
  expect(spec.defaultAttributes).toEqual({ site: "berlin" });
});
