import { expect, it } from "vitest";

import { approvalWords } from "./approval";

it("says who asked to those who may decide, and to everybody else why they may not", () => {
  expect(approvalWords({ may: "both" }, "user anna")).toBe(
    "User anna asked for it. No device gets it before you or somebody else approves it.",
  );
  const why = "job 7 was made by you; somebody else must approve it, and you may deny it";
  expect(approvalWords({ may: "deny", why }, "user anna")).toBe(
    "Job 7 was made by you; somebody else must approve it, and you may deny it.",
  );
});
