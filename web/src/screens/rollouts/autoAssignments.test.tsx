// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import "../../testing/browser";
import type { Schemas } from "../../api/client";
import { Standing } from "./autoAssignments";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const ONE = {
  id: 7,
  name: "pumps",
  query: "controllerId==pump-*",
  release: { name: "fw", version: "2.0" },
  handling: "forced",
  consent: false,
  state: "waitingForApproval",
  askedBy: "user anna",
  version: 1_767_225_600_000_001,
  createdAt: "2026-01-01T00:00:00Z",
  changedAt: "2026-01-01T00:00:00Z",
} satisfies Schemas["AutoAssignment"];
const WAITS = { ...ONE, approval: { may: "both" } } satisfies Schemas["AutoAssignment"];

const CLIENT = new QueryClient();
const page = (one: Schemas["AutoAssignment"]) => (
  <MantineProvider env="test">
    <QueryClientProvider client={CLIENT}>
      <Standing one={one} />
    </QueryClientProvider>
  </MantineProvider>
);
const shown = (one: Schemas["AutoAssignment"]) => render(page(one));

it("offers what may be said and no more, and says who may say the rest", () => {
  const why = "auto assignment 7 was asked for by you: another user must approve or deny it";
  shown({ ...ONE, approval: { may: "neither", why } });
  screen.getByText("Auto assignment 7 was asked for by you: another user must approve or deny it.");
  expect(screen.queryByRole("button")).toBeNull();
  cleanup();
  shown({ ...ONE, approval: { may: "deny", why: "nobody can tell who asked" } });
  screen.getByText("Nobody can tell who asked.");
  expect(screen.getAllByRole("button").map((it) => it.textContent)).toEqual(["Deny"]);
  cleanup();
  shown({ ...ONE, state: "running" });
  expect(screen.queryByRole("button")).toBeNull();
});

it("says what starts one that may begin", () => {
  shown({ ...ONE, state: "ready" });
  screen.getByText(/until a client of hawkBit’s Management API starts it/);
  cleanup();
  shown({ ...ONE, state: "ready", startsAt: "2099-01-01T00:00:00Z" });
  screen.getByText(/It begins by itself/);
});

it("is left without a word said", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new Error("nothing is to be asked")));
  shown(WAITS);
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  await userEvent.click(await screen.findByRole("button", { name: "Cancel" }));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

it("approves what was shown, with the remark", async () => {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return Promise.resolve(new Response(JSON.stringify({ ...ONE, state: "ready" })));
  });
  shown(WAITS);
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("User anna asked for fw 2.0 on whatever controllerId==pump-* finds");
  fireEvent.change(screen.getByLabelText("Remark"), { target: { value: " Looked at it. " } });
  const buttons = screen.getAllByRole("button", { name: "Approve" });
  await userEvent.click(buttons[buttons.length - 1]!);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]?.url).toBe("/api/v1/auto-assignments/7/approve");
  expect(asked[0]?.init).toMatchObject({
    method: "POST",
    headers: { "if-match": '"1767225600000001"' },
    body: JSON.stringify({ remark: "Looked at it." }),
  });
});

it("says why a decision was refused, and stays open", async () => {
  const refusal = {
    status: 412,
    code: "version.mismatch",
    title: "Changed meanwhile",
    detail: "Look at it again.",
  };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(refusal), { status: 412 })));
  shown(WAITS);
  await userEvent.click(screen.getByRole("button", { name: "Deny" }));
  await screen.findByRole("dialog");
  const buttons = screen.getAllByRole("button", { name: "Deny" });
  await userEvent.click(buttons[buttons.length - 1]!);
  await screen.findByText(/Look at it again/);
});

it("keeps the remark and says the refusal when somebody else has decided meanwhile", async () => {
  const refusal = {
    status: 412,
    code: "version.mismatch",
    title: "Changed meanwhile",
    detail: "It is denied.",
  };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(refusal), { status: 412 })));
  const view = shown(WAITS);
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  await screen.findByRole("dialog");
  fireEvent.change(screen.getByLabelText("Remark"), { target: { value: "Looked at it." } });
  view.rerender(page({ ...ONE, state: "denied" }));
  expect(screen.getByLabelText<HTMLTextAreaElement>("Remark").value).toBe("Looked at it.");
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  await screen.findByText(/It is denied/);
  await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(screen.queryByRole("button")).toBeNull();
});
