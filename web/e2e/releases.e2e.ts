/** Releases: what becomes of what was made of one, and how one is made again. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

type Job = { id: number; state: string };

atEverySize("releases", (_size, openWindow) => {
  const open = async (path: string) => {
    window = await openWindow(server);
    await window.signIn(path);
    return window;
  };

  it("goes on saying what it installed when that is deleted", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-", ["--install", "0.2", "--restart", "0.2"]);
    await server.release("pump-fw", "2.0.0");
    await server.must<Job>("POST", "/jobs", {
      kind: "update",
      release: { name: "pump-fw", version: "2.0.0" },
      targets: { query: "name==dev-*" },
    });
    await server.until<Job>("/jobs/1", (it) => it.state === "completed");
    const { page } = await open("/releases?tab=artifacts");
    const files = page.getByRole("table", { name: "Files" });
    await files.getByRole("link", { name: "pump-fw 2.0.0" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/1 rollout used it: .*can neither try again nor be rolled back/).waitFor();
    expect(await dialog.getByLabel("Also component pump-fw 2.0.0 (firmware)").isChecked()).toBe(true);
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/releases$/);
    expect((await server.ask("GET", "/components/pump-fw/2.0.0")).status).toBe(404);
    await window.go("/jobs/1");
    await page.getByRole("heading", { name: "pump-fw 2.0.0 (deleted)" }).waitFor();
    await page.locator("button[aria-disabled=true]", { hasText: "Roll back" }).waitFor();
    expect(await page.getByRole("link", { name: /2\.0\.0/ }).count()).toBe(0);
    await window.go("/devices/dev-00000");
    await page.getByRole("link", { name: "pump-fw 2.0.0 (deleted)" }).waitFor();
  });

  it("makes a release again whose component stayed, of the same file or of another one", async () => {
    server = await Windlass.start();
    await server.release("pump-fw", "2.0.0");
    await server.must("DELETE", "/releases/pump-fw/2.0.0");
    const files = async () => (await server.must<{ items: { name: string }[] }>("GET", "/artifacts")).items;
    const { page } = await open("/releases/new");
    const fill = async (content: string) => {
      const file = { name: "pump-fw-2.0.0.bin", mimeType: "application/octet-stream" };
      await page.getByLabel("Files").setInputFiles({ ...file, buffer: Buffer.from(content) });
      await page.getByText("SHA-256").waitFor();
      await page.getByRole("button", { name: "Make the release" }).click();
    };
    await fill("pump-fw 2.0.0");
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();
    expect(await files(), "no second file is left of it").toHaveLength(1);

    await window.go("/releases/new");
    await fill("pump-fw 2.0.0, mended");
    await page.getByText("Release pump-fw 2.0.0 exists already: choose another version.").waitFor();
    expect(await page.getByLabel("Version").getAttribute("aria-invalid")).toBe("true");
    await server.must("DELETE", "/releases/pump-fw/2.0.0");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page
      .getByText(/Component pump-fw 2\.0\.0 of kind firmware was made .* No release has it/)
      .waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Delete it and make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();

    // What is in use is not offered for deletion, and says why; what nothing uses any more is.
    await window.go("/releases?tab=artifacts");
    await page.locator("button[aria-disabled=true]", { hasText: "Delete" }).waitFor();
    expect(await files()).toHaveLength(2);
    await page.getByRole("button", { name: "Delete", exact: true }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    expect(await files()).toHaveLength(1);
    await window.isFitForAll();
  });
});
