/** Devices that ask to come in, that are replaced, that go. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

atEverySize("incoming", (_size, open) => {
  it("makes a claim whose key is shown once", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/provisioning");
    await page.getByRole("button", { name: "New claim" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("factory-1");
    await dialog.getByRole("button", { name: "Make the claim" }).click();
    await dialog.getByText("The key is shown this once").waitFor();
    await window.isFitForAll();
    const download = page.waitForEvent("download");
    await dialog.getByRole("button", { name: "Save claim.key" }).click();
    expect((await download).suggestedFilename()).toBe("claim.key");
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText("factory-1").waitFor();
  });
});
