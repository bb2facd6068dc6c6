/** What people are told, and what is written down. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

atEverySize("told", (_size, open) => {
  it("opens an alert for a stopped rollout, which somebody acknowledges", async () => {
    server = await Windlass.start();
    await server.simulate(2, "dev-", ["--install", "0.2", "--restart", "0.2", "--fail", "1"]);
    await server.release("pump-fw", "2.0.0");
    await server.must("POST", "/jobs", {
      kind: "update",
      release: { name: "pump-fw", version: "2.0.0" },
      targets: { query: "name==dev-*" },
      failureThreshold: { count: 0 },
    });
    window = await open(server);
    const { page } = window;
    await window.signIn("/alerts");
    await page
      .getByText(/rollout stopped/i)
      .first()
      .waitFor({ timeout: 40_000 });
    await window.isFitForAll();
    await page.getByRole("button", { name: "Acknowledge" }).first().click();
    await page.getByText("by user:admin").or(page.getByText("by admin")).first().waitFor();
    const alerts = await server.must<{ items: { acknowledgedBy?: string }[] }>("GET", "/alerts?state=open");
    expect(alerts.items[0]?.acknowledgedBy).toContain("admin");
  });

  it("refuses a webhook to this machine and says why", async () => {
    const received: IncomingMessage[] = [];
    const listener = createServer((request, response) => {
      received.push(request);
      response.end();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    try {
      server = await Windlass.start();
      window = await open(server);
      const { page } = window;
      await window.signIn("/notifications");
      await page.getByRole("button", { name: "New channel" }).first().click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill("here");
      await dialog
        .getByLabel("URL")
        .fill(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/hook`);
      await window.isFitForAll();
      await dialog.getByRole("button", { name: "Save" }).click();
      const refused = dialog.locator("[aria-invalid=true], [role=alert]");
      await refused.first().waitFor();
      expect(await dialog.getByLabel("Name").inputValue()).toBe("here");
      expect(received).toHaveLength(0);
    } finally {
      listener.close();
    }
  });

  it("proves that the audit is whole", async () => {
    server = await Windlass.start();
    await server.must("POST", "/groups", { path: "eu/berlin" });
    await server.until<{ items: { hash?: string | null }[] }>("/audit", (page) =>
      page.items.every((record) => Boolean(record.hash)),
    );
    window = await open(server);
    const { page } = window;
    await window.signIn("/audit");
    await page.getByText("group.create").first().waitFor();
    await page.getByRole("button", { name: "Check the chain" }).click();
    await page.getByText("The record is whole").waitFor();
    await window.isFitForAll();
  });
});
