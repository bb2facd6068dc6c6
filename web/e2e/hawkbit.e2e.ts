/** Devices that speak hawkBit's protocol: what lets them in. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

type Setting = { key: string; value?: unknown };

atEverySize("hawkBit clients", (_size, open) => {
  it("lets a device in by its own token and tells it how often to ask", async () => {
    server = await Windlass.start();
    await server.must("POST", "/devices", { name: "pump-1" });
    window = await open(server);
    const { page } = window;
    await window.signIn("/settings?tab=hawkbit");
    await page.getByLabel("By a token of their own").check();
    await page.getByLabel("Polling time", { exact: true }).fill("now and then");
    await window.isFitForAll();
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("[aria-invalid=true]").waitFor();
    expect(await page.getByLabel("Polling time", { exact: true }).inputValue()).toBe("now and then");
    await page.getByLabel("Polling time", { exact: true }).fill("00:01:00");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The settings are in force.").waitFor();
    const { settings } = await server.must<{ settings: Setting[] }>("GET", "/settings/hawkbit");
    expect(settings.find((it) => it.key === "pollingTime")?.value).toBe("00:01:00");

    await window.go("/devices/pump-1?tab=credentials");
    const panel = page.getByRole("region", { name: "Token for hawkBit clients" });
    await panel.getByRole("button", { name: "Set another…" }).click();
    const dialog = page.getByRole("dialog");
    await window.isFitForAll();
    await dialog.getByLabel("Token", { exact: true }).fill("a token with blanks in it");
    await dialog.getByRole("button", { name: "Set it" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    await dialog.getByLabel("Token", { exact: true }).fill("");
    await dialog.getByRole("button", { name: "Set it" }).click();
    await panel.getByText(/^[\w-]{32}$/).waitFor();
    await window.isFitForAll();
    const made = await server.must<{ token: string }>("GET", "/devices/pump-1/token");
    await panel.getByText(made.token).waitFor();

    await panel.getByRole("button", { name: "Take it away…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it away" }).click();
    await panel.getByText("It has none.").waitFor();
    expect((await server.ask("GET", "/devices/pump-1/token")).status).toBe(404);
  });
});
