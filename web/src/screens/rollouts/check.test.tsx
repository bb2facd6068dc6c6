// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderHook } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { usePreview } from "./check";
import { START } from "./draft";

afterEach(() => void vi.unstubAllGlobals());

it("looks at the devices each time that the last step is shown, and not while rollouts are under way", async () => {
  let asked = 0;
  vi.stubGlobal("fetch", () => {
    asked += 1;
    return Promise.resolve(Response.json({ targets: asked }));
  });
  const client = new QueryClient();
  const draft = { ...START, release: "fw@2.0", target: "name==pump-*" };
  const { result, rerender } = renderHook(({ visit, shown }) => usePreview(draft, visit, shown), {
    initialProps: { visit: 0, shown: false },
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  });
  expect(asked).toBe(0);
  rerender({ visit: 1, shown: true });
  await vi.waitFor(() => expect(result.current.data).toMatchObject({ targets: 1 }));
  await client.invalidateQueries();
  rerender({ visit: 1, shown: false });
  expect(asked).toBe(1);
  rerender({ visit: 2, shown: true });
  await vi.waitFor(() => expect(result.current.data).toMatchObject({ targets: 2 }));
});
