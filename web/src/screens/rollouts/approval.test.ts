import { expect, it } from "vitest";

import { approvalOf, approvalWords } from "./approval";

const job = { state: "awaitingApproval", createdBy: "user anna" } as const;
const person = (name: string, permissions: string[]) => ({ kind: "user", name, permissions }) as const;

it("offers a decision to everybody who may approve, but not to whoever made the job", () => {
  expect(approvalOf(job, person("anna", ["job.approve"]))).toBe("mine");
  expect(approvalOf(job, person("ann", ["job.approve"]))).toBe("open");
  expect(approvalOf(job, person("eve", ["job.read"]))).toBe("closed");
  expect(approvalOf({ ...job, state: "running" }, person("ann", ["job.approve"]))).toBeNull();
});

it("does not take a token for the user of the same name", () => {
  const script = { ...job, createdBy: "token anna" };
  expect(approvalOf(script, person("anna", ["job.approve"]))).toBe("open");
});

it("says who may, to those who may not", () => {
  expect(approvalWords(job, person("anna", ["job.approve"]))).toContain("another administrator or operator");
  expect(approvalWords(job, person("eve", []))).toContain("other than user anna");
  expect(approvalWords({ ...job, state: "denied" }, person("eve", []))).toBeNull();
});
