// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import type { Schemas } from "../../api/client";
import type { Me } from "../../session/session";
import { Standing } from "./autoAssignments";

beforeAll(() => {
  window.matchMedia = (media) =>
    ({ media, matches: false, addEventListener: () => {}, removeEventListener: () => {} }) as never;
  Object.defineProperty(document, "fonts", {
    value: { addEventListener: () => {}, removeEventListener: () => {} },
  });
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
});
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

const person = (name: string, permissions: string[]) =>
  ({ kind: "user", name, permissions }) as unknown as Me;
const shown = (one: Schemas["AutoAssignment"], me: Me) =>
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <Standing one={one} me={me} />
      </QueryClientProvider>
    </MantineProvider>,
  );

it("offers no decision to whoever asked for it, nor to a role that may not", () => {
  shown(ONE, person("anna", ["job.approve"]));
  screen.getByText(/You asked for it; another administrator or operator/);
  cleanup();
  shown(ONE, person("eve", ["device.read"]));
  screen.getByText(/user anna asked for it; your role does not allow/);
  cleanup();
  shown({ ...ONE, state: "running" }, person("ann", ["job.approve"]));
  expect(screen.queryByRole("button")).toBeNull();
});

it("approves what was shown, with the remark", async () => {
  const asked: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return Promise.resolve(new Response(JSON.stringify({ ...ONE, state: "ready" })));
  });
  shown(ONE, person("ann", ["job.approve"]));
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("user anna asked for fw 2.0 on whatever controllerId==pump-* finds");
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
  shown(ONE, person("ann", ["job.approve"]));
  await userEvent.click(screen.getByRole("button", { name: "Deny" }));
  await screen.findByRole("dialog");
  const buttons = screen.getAllByRole("button", { name: "Deny" });
  await userEvent.click(buttons[buttons.length - 1]!);
  await screen.findByText(/Look at it again/);
});
