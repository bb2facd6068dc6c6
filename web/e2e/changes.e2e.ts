/** What is done to the fleet: releases, rollouts, commands. */
import { createHash } from "node:crypto";

import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { swu } from "./support/swu";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

const FAST = ["--install", "0.2", "--restart", "0.2"];

atEverySize("changes", (size, open) => {
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
    await page.getByRole("button", { name: "Lasting link…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make one" }).click();
    const link = dialog.getByText(/^http.*/).first();
    await link.waitFor();
    await window.isFitForAll();
    const download = await fetch((await link.textContent()) ?? "");
    expect(await download.text()).toBe("two point oh");
    await page.keyboard.press("Escape");
    await window.isFitForAll();
    const made = await server.must<{ notes: string }>("GET", "/releases/pump-fw/2.0.0");
    expect(made.notes).toBe("Mends the valve.");
  });

  it("uploads a large file in parts and goes on after the connection was cut", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/releases/new");
    const large = Buffer.alloc(20 * 1024 * 1024, "windlass ");
    let parts = 0;
    await page.route("**/api/v1/uploads/*", async (route) => {
      if (route.request().method() !== "PATCH") return route.continue();
      parts += 1;
      return parts === 2 ? route.abort("connectionreset") : route.continue();
    });
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "os-3.0.0.img", mimeType: "application/octet-stream", buffer: large });
    await page.getByText("SHA-256").waitFor({ timeout: 40_000 });
    expect(parts).toBe(4);
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "os 3.0.0" }).waitFor();
    const files = await server.must<{ items: { sha256: string; size: number }[] }>("GET", "/artifacts");
    expect(files.items[0]?.sha256).toBe(createHash("sha256").update(large).digest("hex"));
  });

  it("shows what a file says of itself and refuses it where it would have to be signed", async () => {
    server = await Windlass.start();
    const [authority] =
      /-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/.exec(await server.must("GET", "/ca.pem")) ?? [];
    await server.must("PUT", "/types/pump", { signers: [authority], requireSignature: true });
    window = await open(server);
    const { page } = window;
    await window.signIn("/releases/new");
    await page.locator("input[type=file]").setInputFiles({
      name: "pump-os.swu",
      mimeType: "application/octet-stream",
      buffer: swu("4.1", "pump-rev2"),
    });
    await page.getByText("SWUpdate image").waitFor();
    await page.getByText("pump-rev2").waitFor();
    await page.getByText("not signed").waitFor();
    expect(await page.getByLabel("Version").inputValue(), "as the file says").toBe("4.1");
    await page.getByRole("combobox", { name: "For device types" }).fill("pump");
    await page.keyboard.press("Enter");
    await page.getByLabel("Notes").fill("Not for long.");
    await window.isFitForAll();
    await page.getByRole("button", { name: "Make the release" }).click();
    await page
      .getByText(/pump-os\.swu.*not signed/)
      .first()
      .waitFor();
    expect(await page.getByLabel("Notes").inputValue()).toBe("Not for long.");
    await window.isFitForAll();
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
    await page.getByLabel("Name").fill("not/a name");
    await page.getByLabel("Version").fill("1/0");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    expect(await page.locator("[aria-invalid=true]").count()).toBe(2);
    expect(await page.getByLabel("Name").inputValue()).toBe("not/a name");
    await window.isFitForAll();
  });

  it("stops a bad rollout, names the reason, and goes on when told to", async () => {
    server = await Windlass.start();
    await server.simulate(4, "dev-", [...FAST, "--fail", "1"]);
    await server.release("pump-fw", "2.0.0");
    await server.must("POST", "/jobs", {
      kind: "update",
      release: { name: "pump-fw", version: "2.0.0" },
      targets: { query: "name==dev-*" },
      waves: [{ count: 2 }],
      failureThreshold: { count: 0 },
    });
    window = await open(server);
    const { page } = window;
    await window.signIn("/jobs");
    await page.getByRole("link", { name: "pump-fw 2.0.0" }).click();
    await page.getByText(/stopped in wave 1/i).waitFor({ timeout: 40_000 });
    const failures = page.getByRole("region", { name: "Failures by reason" }).first();
    await failures.getByText("2.0.0 does not start on this hardware").first().waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Resume" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("2 devices would be offered it next").waitFor();
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Resume" }).click();
    await page.getByText("4 devices: 4 failed").waitFor({ timeout: 40_000 });
    expect(size.width).toBe(page.viewportSize()?.width);
  });

  it("runs a command on a device that is there and keeps one for a device that is not", async () => {
    server = await Windlass.start();
    await server.simulate(1, "there-", FAST);
    await server.must("POST", "/devices", { name: "away-1" });
    window = await open(server);
    const { page } = window;
    await window.signIn("/commands");
    await page.getByLabel("Devices", { exact: true }).fill("name=in=(there-00000,away-1)");
    await page.getByText("2 devices match now.").waitFor();
    await page.getByLabel("Command", { exact: true }).fill("echo");
    await page.getByLabel("Arguments").fill('{"text":"hello from the console"}');
    await window.isFitForAll();
    await page.getByRole("button", { name: "Run on 2 devices" }).click();
    await page.getByRole("heading", { level: 1, name: "echo" }).waitFor();
    await page.getByText("hello from the console").first().waitFor({ timeout: 40_000 });
    await page
      .getByText(/1 succeeded/)
      .first()
      .waitFor();
    await page.getByRole("link", { name: "away-1" }).waitFor();
    await window.isFitForAll();
  });
});
