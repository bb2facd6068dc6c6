// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { ProblemError } from "../api/client";
import { isIn, useApiForm } from "./form";

const invalid = (...fields: { field: string; problem: string }[]) =>
  new ProblemError(400, "request.invalid", "The request cannot be used", "Something is wrong.", fields);

function formThatFailsWith(error: unknown) {
  return renderHook(() =>
    useApiForm({
      initial: { name: "", attributes: "" },
      fields: ["name", "attributes"],
      submit: () => Promise.reject(error as Error),
    }),
  );
}

describe("useApiForm", () => {
  it("shows a bad field at its input and nothing twice", async () => {
    const { result } = formThatFailsWith(invalid({ field: "name", problem: "is taken" }));
    await act(() => result.current.submit());
    expect(result.current.fieldError("name")).toBe("is taken");
    expect(result.current.problem).toBeUndefined();
  });
  it("shows a field that no input covers above the buttons", async () => {
    const { result } = formThatFailsWith(
      invalid({ field: "name", problem: "is taken" }, { field: "parent", problem: "is no gateway" }),
    );
    await act(() => result.current.submit());
    expect(result.current.problem?.fields).toHaveLength(2);
  });
  it("keeps what was written when the session has ended", async () => {
    const { result } = formThatFailsWith(new ProblemError(401, "auth.required", "Sign in", "Sign in first."));
    act(() => result.current.set({ name: "a long story" }));
    await act(() => result.current.submit());
    expect(result.current.values.name).toBe("a long story");
    expect(result.current.problem?.status).toBe(401);
    expect(result.current.busy).toBe(false);
  });
  it("counts parts of a field to that field, and only those", () => {
    expect(isIn("attributes.site", "attributes")).toBe(true);
    expect(isIn("targets[0]", "targets")).toBe(true);
    expect(isIn("attributesX", "attributes")).toBe(false);
  });
});
