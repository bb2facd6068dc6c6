// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import "../../testing/browser";
import type { Page, Schemas } from "../../api/client";
import { EachDevice, type Which } from "./each";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const wanted = (by: Schemas["OrderBy"]) =>
  ({
    kind: "update",
    release: { name: "fw", version: "2.0" },
    targets: { query: "name==pump-*" },
    rollout: { order: { by } },
  }) as unknown as Schemas["NewJob"];

const pump = (number: number): Schemas["PreviewDevice"] => ({
  device: `pump-${number}`,
  wave: number,
  outcome: "open",
  reason: "the device is updated",
  action: "",
  bytes: 0,
});

const CLIENT = new QueryClient();
const dialog = (which: Which | null, by: Schemas["OrderBy"] = "registered") => (
  <MantineProvider env="test">
    <QueryClientProvider client={CLIENT}>
      <EachDevice wanted={wanted(by)} which={which} onClose={() => {}} />
    </QueryClientProvider>
  </MantineProvider>
);

/** A server whose answers come when the test says so. */
function asked() {
  const waiting: ((page: Page<Schemas["PreviewDevice"]>) => void)[] = [];
  vi.stubGlobal(
    "fetch",
    () => new Promise<Response>((answer) => waiting.push((page) => answer(Response.json(page)))),
  );
  return waiting;
}

it("does not ask again while rollouts are under way, but when it is opened again", async () => {
  const waiting = asked();
  const view = render(dialog({}));
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  waiting[0]!({ items: [pump(1)], cursor: "a" });
  await screen.findByText("pump-1");
  const more = screen.getByText("Show more").closest("button")!;
  fireEvent.click(more);
  await vi.waitFor(() => expect(more.hasAttribute("data-loading")).toBe(true));
  fireEvent.click(more);
  await CLIENT.invalidateQueries();
  expect(waiting).toHaveLength(2);
  waiting[1]!({ items: [pump(2)] });
  await screen.findByText("pump-2");
  await CLIENT.invalidateQueries();
  expect(waiting).toHaveLength(2);
  view.rerender(dialog(null));
  await vi.waitFor(() => expect(CLIENT.getQueryCache().getAll()).toEqual([]));
  view.rerender(dialog({}));
  await vi.waitFor(() => expect(waiting).toHaveLength(3));
});

it("says that an order by chance is another one than the rollout's", async () => {
  const waiting = asked();
  render(dialog({}, "random"));
  await screen.findByText(/drawn anew when the rollout is made/);
  cleanup();
  render(dialog({}));
  await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(1));
  expect(screen.queryByText(/drawn anew/)).toBeNull();
});
