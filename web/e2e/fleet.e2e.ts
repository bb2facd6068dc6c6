/** Finding devices and changing what is known of them. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

type Shadow = { version: number; state: { desired?: Record<string, unknown>; delta?: unknown } };

atEverySize("fleet", (size, open) => {
  it("finds a device by query and by facet", async () => {
    server = await Windlass.start();
    for (const [name, tag] of [
      ["pump-1", "outdoor"],
      ["pump-2", "indoor"],
      ["valve-1", "outdoor"],
    ]) {
      await server.must("POST", "/devices", { name, tags: [tag] });
    }
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices");
    await page.getByRole("link", { name: "valve-1" }).waitFor();
    await page.getByRole("textbox", { name: "Query" }).fill("name==pump-*");
    await page.getByRole("textbox", { name: "Query" }).press("Enter");
    await page.getByRole("link", { name: "valve-1" }).waitFor({ state: "hidden" });
    await page.getByText("2 devices match").waitFor();
    await page.getByRole("button", { name: /indoor/ }).click();
    await page.getByRole("link", { name: "pump-1" }).waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "pump-2" }).waitFor();
    expect(new URL(page.url()).searchParams.get("q")).toContain("indoor");
    await window.isFitForAll();
    await page.reload();
    await page.getByRole("link", { name: "pump-2" }).waitFor();
  });

  it("shows where a query goes wrong", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices?q=" + encodeURIComponent("type==("));
    await page
      .getByText(/at character 7/)
      .first()
      .waitFor();
    await page.getByText("The query cannot be read").waitFor();
    expect(await page.getByText(/No device matches|0 devices/).count(), "nobody counted").toBe(0);
    await window.isFitForAll();
  });

  it("tags all that match, not the page that is shown", async () => {
    server = await Windlass.start();
    for (let n = 100; n < 230; n += 1) await server.must("POST", "/devices", { name: `pump-${n}` });
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices?q=" + encodeURIComponent("name==pump-*"));
    await page.getByLabel("Select all shown").check();
    await page.getByRole("button", { name: /Select all 130 devices/ }).click();
    await page.getByText("130 devices selected").waitFor();
    await page.getByRole("button", { name: "Tags…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Add").fill("north");
    await dialog.getByLabel("Add").press("Enter");
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Change the tags" }).click();
    await dialog.waitFor({ state: "hidden" });
    const found = await server.must<{ total: number }>("GET", "/devices?limit=1&q=tag==north");
    expect(found.total).toBe(130);
  });

  it("means the devices that were picked, not whatever matches by then", async () => {
    server = await Windlass.start();
    for (const name of ["pump-1", "pump-2"]) await server.must("POST", "/devices", { name });
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices?q=" + encodeURIComponent("name==pump-*"));
    await page.getByLabel("Select all shown").check();
    await page.getByText("2 devices selected").waitFor();
    await page.getByRole("button", { name: "Rollout…" }).click();
    await page.waitForURL(/\/jobs\/new/);
    expect(new URL(page.url()).searchParams.get("q")).toMatch(/^name=in=\("?pump-1"?,"?pump-2"?\)$/);
  });

  it("edits a shadow and sees the delta go", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-");
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/dev-00000?tab=shadow");
    const desired = page.getByLabel("Desired document");
    await desired.fill('{"settings":{"intervalSeconds":7}}');
    await window.isFitForAll();
    await page.getByRole("button", { name: "Save" }).click();
    const shadow = await server.until<Shadow>(
      "/devices/dev-00000/shadow",
      (it) => it.state.desired !== undefined && it.state.delta === undefined,
    );
    await page.getByText("The device is as desired").waitFor({ timeout: 40_000 });
    expect(shadow.state.desired).toEqual({ settings: { intervalSeconds: 7 } });
    await window.isFitForAll();
  });

  it("tells the second of two editors before anything is lost", async () => {
    server = await Windlass.start();
    await server.must("POST", "/devices", { name: "pump-1" });
    await server.must("PATCH", "/devices/pump-1/shadow", { desired: { mode: "eco" } });
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/pump-1?tab=shadow");
    const desired = page.getByLabel("Desired document");
    await desired.fill('{"mode":"eco","mine":1}');
    await server.must("PATCH", "/devices/pump-1/shadow", { desired: { theirs: 2 } });
    const told = page.getByText("Somebody else changed the desired document meanwhile");
    const save = page.getByRole("button", { name: "Save" });
    // The live view may tell before the save does; either way nothing is overwritten unasked.
    if (await save.isEnabled()) await save.click({ timeout: 2_000 }).catch(() => undefined);
    await told.waitFor();
    expect(await desired.inputValue()).toBe('{"mode":"eco","mine":1}');
    await window.isFitForAll();
    const before = await server.must<Shadow>("GET", "/devices/pump-1/shadow");
    expect(before.state.desired).toEqual({ mode: "eco", theirs: 2 });
    await page.getByRole("button", { name: "Take theirs" }).click();
    await told.waitFor({ state: "hidden" });
    expect(await desired.inputValue()).toContain("theirs");
  });

  it("shows hostile names as text and keeps the page in shape", async () => {
    server = await Windlass.start();
    const markup = `<img src=x onerror="document.title='taken over'">`;
    await server.must("POST", "/devices", {
      name: "hostile-1",
      attributes: { site: markup, note: "\u202Eevil\u202C 🤖".repeat(15), long: "x".repeat(250) },
    });
    await server.must("POST", "/groups", { path: "eu", description: markup });
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/hostile-1");
    await page.getByText(markup).first().waitFor();
    await window.isFitForAll();
    await window.go("/groups");
    await page.getByRole("link", { name: "eu" }).waitFor();
    await window.isFitForAll();
    expect(await page.title()).not.toBe("taken over");
    expect(await page.locator("img").count()).toBe(0);
  });

  it("says what is wrong with a file of devices before it changes anything", async () => {
    server = await Windlass.start();
    await server.must("PUT", "/types/pump", {});
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/import");
    const file = "name,type,tags\npump-1,pump,outdoor\nnot a name!,pump,\npump-3,no-such-type,\n";
    await page.locator("input[type=file]").setInputFiles({
      name: "devices.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(file),
    });
    await page.getByText("no-such-type").first().waitFor();
    await window.isFitForAll();
    expect((await server.ask("GET", "/devices/pump-1")).status).toBe(404);
    expect(size.width).toBe(page.viewportSize()?.width);
  });
});
