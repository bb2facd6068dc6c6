/** Devices that ask to come in, that are replaced, that go. */
import { afterEach, expect, it } from "vitest";

import { type Files, publish } from "./support/board";
import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

type Queue = { items: { id: number; name: string; state: string }[] };
type Credentials = { items: { status: string }[] };

atEverySize("incoming", (_size, open) => {
  it("holds a device that asks for a name in use, until somebody accepts it", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-");
    await server.silence();
    // The same name with a new key: nothing is taken over, the new one waits.
    await server.attempt("dev-");
    await server.until<Queue>("/pending?state=open", (queue) => queue.items.length === 1);
    window = await open(server);
    const { page } = window;
    await window.signIn("/provisioning?tab=pending");
    await page.getByRole("link", { name: "dev-00000" }).waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Accept" }).click();
    const dialog = page.getByRole("dialog");
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Accept" }).click();
    await page.getByText("Nobody waits").waitFor();
    const queue = await server.must<Queue>("GET", "/pending?state=accepted");
    expect(queue.items[0]?.name).toBe("dev-00000");
  });

  it("asks whose a certificate is that the server has forgotten and that does not say so", async () => {
    server = await Windlass.start();
    // A certificate shows names of up to 64 characters; a longer one has to be told.
    const name = `pump-${"0".repeat(70)}`;
    let made: Files | undefined;
    await server.forget(async () => {
      await server.must("POST", "/devices", { name });
      made = await server.must<Files>("POST", `/devices/${name}/credentials/generate`);
    });
    const { body: caPem } = await server.ask<string>("GET", "/ca.pem");
    if (made) await publish(server, "board", { ...made, caPem }).catch(() => undefined);
    await server.until<Queue>("/pending?state=open", (queue) => queue.items.length === 1);
    window = await open(server);
    const { page } = window;
    await window.signIn("/provisioning?tab=pending");
    await page.getByRole("button", { name: "Accept" }).click();
    const dialog = page.getByRole("dialog");
    const field = dialog.getByLabel("The device it belongs to");
    await field.fill("<b>no name</b>");
    await dialog.getByRole("button", { name: "Accept" }).click();
    await dialog.locator("[aria-invalid=true]").waitFor();
    expect(await field.inputValue()).toBe("<b>no name</b>");
    await window.isFitForAll();
    await field.fill(name);
    await dialog.getByRole("button", { name: "Accept" }).click();
    await page.getByText("Nobody waits").waitFor();
    const credentials = await server.must<Credentials>("GET", `/devices/${name}/credentials`);
    expect(credentials.items.map((it) => it.status)).toEqual(["active"]);
  });

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

  it("replaces the hardware of a device and ends what the old one had", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-");
    await server.silence();
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/dev-00000");
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: /Replace/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: /^Replace, and revoke/ }).waitFor();
    await window.isFitForAll();
    await dialog.getByRole("button", { name: /^Replace, and revoke/ }).click();
    await server.until<Credentials>(
      "/devices/dev-00000/credentials",
      (page) => page.items.filter((it) => it.status === "active").length === 1 && page.items.length === 2,
    );
    await window.isFitForAll();
  });

  it("takes a device out of service only after its effects were named and its name was typed", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-");
    window = await open(server);
    const { page } = window;
    await window.signIn("/devices/dev-00000");
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: /Take out of service/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog
      .getByText(/certificate/i)
      .first()
      .waitFor();
    await window.isFitForAll();
    expect(await dialog.getByRole("button", { name: "Take out of service" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Type dev-00000 to go on").fill("dev-00000");
    await dialog.getByRole("button", { name: "Take out of service" }).click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText("decommissioned").first().waitFor();
    const device = await server.must<{ lifecycle: string }>("GET", "/devices/dev-00000");
    expect(device.lifecycle).toBe("decommissioned");
  });
});
