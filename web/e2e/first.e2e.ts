/** The first minutes: making the administrator, seeing a device arrive, understanding why one does not. */
import { afterEach, expect, it } from "vitest";

import { publish } from "./support/board";
import { atEverySize, type Window } from "./support/browser";
import { PASSWORD, Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

atEverySize("first steps", (_size, open) => {
  it("goes from the set-up link to the first question", async () => {
    server = await Windlass.start({ admin: false });
    const [, fragment] = await server.says(/\/setup(#token=\S+)/);
    window = await open(server);
    const { page } = window;
    await window.go(`/setup${fragment}`);
    await page.getByLabel("Your user name").fill("admin");
    await page.getByLabel("A password").first().fill(PASSWORD);
    await window.isFitForAll();
    expect(page.url(), "the token must not stay in the address").not.toContain("token");
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await page.getByText(/What would you like to connect first/).waitFor();
    await window.isFitForAll();
    await window.go("/");
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  });

  it("refuses a set-up link that was used", async () => {
    server = await Windlass.start({ admin: false });
    const [, fragment] = await server.says(/\/setup(#token=\S+)/);
    window = await open(server);
    const { page } = window;
    const fill = async () => {
      await window.go("/sign-in-elsewhere");
      await window.go(`/setup${fragment}`);
      await page.getByLabel("Your user name").fill("admin");
      await page.getByLabel("A password").first().fill(PASSWORD);
      await page.getByRole("button", { name: "Make the administrator" }).click();
    };
    await fill();
    await page.getByText(/What would you like to connect first/).waitFor();
    await window.context.clearCookies();
    await fill();
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Your user name").inputValue()).toBe("admin");
    await window.isFitForAll();
  });

  it("fills an empty server with simulated devices and stops them again", async () => {
    server = await Windlass.start({ admin: false });
    const [, fragment] = await server.says(/\/setup(#token=\S+)/);
    window = await open(server);
    const { page } = window;
    await window.go(`/setup${fragment}`);
    await page.getByLabel("Your user name").fill("admin");
    await page.getByLabel("A password").first().fill(PASSWORD);
    await page.getByRole("button", { name: "Make the administrator" }).click();
    await page.getByRole("button", { name: /1,000 simulated devices/ }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await server.until<{ total: number }>("/devices?q=presence==connected&limit=1", (it) => it.total > 0);
    await page.getByRole("link", { name: /^[1-9][\d,]* connected$/ }).waitFor({ timeout: 40_000 });
    await window.go("/settings");
    const panel = page.getByRole("region", { name: "Simulated devices" });
    await panel.getByText(/^[1-9][\d,]* of 1,000 simulated devices are connected/).waitFor();
    await window.isFitForAll();
    await panel.getByRole("button", { name: "Stop them" }).click();
    await panel.getByRole("button", { name: "Start them" }).waitFor({ timeout: 40_000 });
    const after = await server.must<{ running: boolean }>("GET", "/simulation");
    expect(after.running).toBe(false);
    await panel.getByLabel("How many").fill("3");
    await panel.getByRole("button", { name: "Start them" }).click();
    await panel.getByText("3 of 3 simulated devices are connected").waitFor({ timeout: 40_000 });
    await window.isFitForAll();
  });

  it("watches mosquitto_pub arrive", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/connect?device=board-1");
    await page.getByRole("button", { name: "Make its certificate" }).click();
    await page.getByText("mosquitto_pub").first().waitFor();
    await window.isFitForAll();
    const made = await server.must<{ certificatePem: string; privateKeyPem: string; caPem: string }>(
      "POST",
      "/devices/board-1/credentials/generate",
    );
    await publish(server, "board-1", made);
    await page
      .getByText(/connected|first message/i)
      .first()
      .waitFor({ timeout: 40_000 });
    await window.go("/devices/board-1");
    await page.getByText("temperature").first().waitFor({ timeout: 40_000 });
    await window.isFitForAll();
  });

  it("says why a device that came in was sent away again", async () => {
    // As on a disk that is almost full: nothing can be kept.
    server = await Windlass.start({ settings: { WINDLASS_LIMITS__FREE_DISK_PER_MILLE: "999" } });
    window = await open(server);
    const { page } = window;
    await window.signIn("/connect?device=board-1");
    await page.getByRole("button", { name: "Make its certificate" }).click();
    await page.getByText("mosquitto_pub").first().waitFor();
    const made = await server.must<{ certificatePem: string; privateKeyPem: string; caPem: string }>(
      "POST",
      "/devices/board-1/credentials/generate",
    );
    await expect(publish(server, "board-1", made)).rejects.toThrow();
    await page.getByText(/Its connection ended: a message could not be stored/).waitFor({ timeout: 40_000 });
    await window.isFitForAll();
  });

  it("explains a certificate of somebody else’s authority", async () => {
    server = await Windlass.start();
    const stranger = await Windlass.start();
    try {
      await stranger.must("POST", "/devices", { name: "board-1" });
      const made = await stranger.must<{ certificatePem: string; privateKeyPem: string; caPem: string }>(
        "POST",
        "/devices/board-1/credentials/generate",
      );
      const { body: caPem } = await server.ask<string>("GET", "/ca.pem");
      await publish(server, "board-1", { ...made, caPem }).catch(() => undefined);
    } finally {
      await stranger.stop();
    }
    window = await open(server);
    const { page } = window;
    await window.signIn("/refusals");
    await page.getByText("127.0.0.1").first().waitFor({ timeout: 40_000 });
    await page
      .getByText(/CA|authority/)
      .first()
      .waitFor();
    await window.isFitForAll();
    await page.getByLabel("Name, address or certificate").fill("no-such-thing");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("Nothing like that").waitFor();
    expect(page.url()).toContain("q=no-such-thing");
  });
});
