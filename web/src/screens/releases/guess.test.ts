import { expect, it } from "vitest";

import { guess } from "./guess";

it("reads name and version off a file name where they are", () => {
  expect(guess("pump-fw-2.0.0.bin")).toEqual({ name: "pump-fw", version: "2.0.0" });
  expect(guess("gateway_v1.4.2-rc1.tar.gz")).toEqual({ name: "gateway", version: "1.4.2-rc1" });
  expect(guess("<b>app</b>.img")).toEqual({ name: "-b-app--b-", version: "" });
  expect(guess("firmware")).toEqual({ name: "firmware", version: "" });
  expect(guess("펌웨어-2.0.bin")).toEqual({ name: "펌웨어", version: "2.0" });
  expect(guess("Pu\u0308mpe fw_v3.img")).toEqual({ name: "Pümpe fw", version: "3" });
  expect(guess("a\u202eb/c@d\u00a0e.swu")).toEqual({ name: "a-b-c-d-e", version: "" });
});
