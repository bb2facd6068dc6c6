/** What is done to the fleet: releases, rollouts, commands. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

atEverySize("changes", (_size, open) => {
  it("makes a release by dropping a file", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/releases");
    await page.getByRole("link", { name: "New release" }).first().click();
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["two point oh"], "pump-fw-2.0.0.bin"));
      return transfer;
    });
    await page.getByTestId("drop").dispatchEvent("drop", { dataTransfer: dropped });
    await page.getByText("SHA-256").waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe("pump-fw");
    expect(await page.getByLabel("Version").inputValue()).toBe("2.0.0");
    await page.getByLabel("Notes").fill("Mends the valve.");
    await window.isFitForAll();
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();
    await page.getByText("Mends the valve.").waitFor();
    await page.getByRole("link", { name: "pump-fw-2.0.0.bin" }).waitFor();
    await window.isFitForAll();
    const made = await server.must<{ notes: string }>("GET", "/releases/pump-fw/2.0.0");
    expect(made.notes).toBe("Mends the valve.");
  });

  it("names every bad field of a release and keeps what was typed", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/releases/new");
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "a.bin", mimeType: "application/octet-stream", buffer: Buffer.from("a") });
    await page.getByText("SHA-256").waitFor();
    await page.getByLabel("Name").fill("not a name!");
    await page.getByLabel("Version").fill("1 0");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    expect(await page.locator("[aria-invalid=true]").count()).toBe(2);
    expect(await page.getByLabel("Name").inputValue()).toBe("not a name!");
    await window.isFitForAll();
  });

  it("says what is missing before it goes on", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/jobs/new");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Choose what to install.").waitFor();
    await page.getByRole("radio", { name: "Hand over a document of your own" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("textbox", { name: "All that match a query" }).fill("type==(");
    await page.locator("[aria-invalid=true]").waitFor();
    await window.isFitForAll();
  });
});
