/** Devices that speak hawkBit's protocol: what lets them in. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { PASSWORD, Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

/** One request as a device with its own token makes it: a poll, or what it says of itself. */
const device = (name: string, token: string, data?: Record<string, string>) =>
  fetch(`${server.url}/DEFAULT/controller/v1/${name}${data ? "/configData" : ""}`, {
    method: data ? "PUT" : "GET",
    headers: { authorization: `TargetToken ${token}`, "content-type": "application/json" },
    ...(data ? { body: JSON.stringify({ data }) } : {}),
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
    const answer = await device("pump-1", made.token);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ config: { polling: { sleep: "00:01:00" } } });
    expect((await device("pump-1", `${made.token}x`)).status).toBe(401);

    await panel.getByRole("button", { name: "Take it away…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it away" }).click();
    await panel.getByText("It has none.").waitFor();
    expect((await server.ask("GET", "/devices/pump-1/token")).status).toBe(404);
    expect((await device("pump-1", made.token)).status).toBe(401);
  });

  it("has a second person approve what is to assign itself, from the overview", async () => {
    server = await Windlass.start();
    await server.must("POST", "/devices", { name: "pump-1" });
    await server.must("POST", "/users", { name: "second", password: PASSWORD, role: "admin" });
    const file = await server.must<{ id: number }>("POST", "/artifacts?name=pump.bin", "pump");
    const software = { name: "pump-fw", version: "2.0.0" };
    await server.must("POST", "/components", { ...software, artifacts: [file.id] });
    await server.must("POST", "/releases", { ...software, components: [software] });
    const values = { "auto.assignment.approval.enabled": true };
    await server.must("PUT", "/settings/hawkbit", { values });
    const script = await server.must<{ secret: string }>("POST", "/tokens", {
      name: "script",
      role: "admin",
    });
    const hawkbit = async (method: string, path: string, body?: unknown) => {
      const answer = await fetch(`${server.url}/rest/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${script.secret}`, "content-type": "application/json" },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
      return (await answer.json()) as { id: number; status: string; content: { id: number }[] };
    };
    const sets = await hawkbit("GET", "/distributionsets");
    const made = await hawkbit("POST", "/autoassignments", {
      name: "pumps",
      targetFilterQuery: "controllerId==pump-*",
      distributionSetId: sets.content[0]?.id,
    });
    // The command line shows it as well, and whoever stands behind the one who asked cannot approve it.
    const listed = await server.command("auto-assignment", "list", "--state", "waitingForApproval");
    expect(listed).toMatch(/pumps .*pump-fw 2\.0\.0 .*controllerId==pump-\*/);
    const own = server.command("auto-assignment", "approve", String(made.id));
    await expect(own).rejects.toThrow(/another user with the permission job\.approve/);
    const asking = await open(server);
    await asking.signIn("/");
    await asking.page.getByText(/no auto assignment that waits for your approval/).waitFor();
    await asking.go("/auto-assignments");
    await asking.page.getByText(/another user with the permission job\.approve/).waitFor();
    expect(await asking.page.getByRole("button", { name: /Approve|Deny/ }).count()).toBe(0);
    await asking.close();
    window = await open(server);
    const { page } = window;
    await window.signIn("/", "second");
    await page.getByRole("link", { name: "Auto assignment pumps waits for approval" }).click();
    await page.getByRole("heading", { level: 1, name: "Auto assignments" }).waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Approve" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/on whatever controllerId==pump-\* finds/).waitFor();
    await dialog.getByLabel("Remark").fill("x".repeat(600));
    await dialog.getByRole("button", { name: "Approve" }).click();
    await dialog.locator("[aria-invalid=true]:focus").waitFor();
    await window.isFitForAll();
    await dialog.getByLabel("Remark").fill("Looked at it.");
    await dialog.getByRole("button", { name: "Approve" }).click();
    await page.getByText("Approved by second: Looked at it.").waitFor();
    await page.getByText(/until a client of hawkBit’s Management API starts it/).waitFor();
    expect(await page.getByRole("button", { name: /Approve|Deny/ }).count()).toBe(0);
    expect((await hawkbit("GET", `/autoassignments/${made.id}`)).status).toBe("ready");
    await window.isFitForAll();
    // What a client does to it is seen without anybody asking again.
    await hawkbit("PUT", `/targetfilters/${made.id}`, { name: "every pump" });
    await page.getByText("every pump").waitFor();
    await window.go("/jobs");
    await page.getByRole("link", { name: "Auto assignments" }).waitFor();
    await window.isFitForAll();
  });

  it("shows how many devices run which version", async () => {
    server = await Windlass.start();
    await server.must("PUT", "/types/pump", { versionSources: [{ inventory: "fw" }] });
    const values = { "authentication.targettoken.enabled": true };
    await server.must("PUT", "/settings/hawkbit", { values });
    for (const [name, fw] of [
      ["pump-1", "2.0.0"],
      ["pump-2", "2.0.0"],
      ["pump-3", "<b>1.9</b>"],
    ] as const) {
      await server.must("POST", "/devices", { name, type: "pump" });
      const { token } = await server.must<{ token: string }>("PUT", `/devices/${name}/token`, {});
      expect((await device(name, token, { fw })).status).toBe(200);
    }
    window = await open(server);
    const { page } = window;
    await window.signIn("/");
    const panel = page.getByRole("region", { name: "Versions" });
    await panel.getByRole("link", { name: "2.0.0" }).waitFor();
    await panel.getByText("<b>1.9</b>").waitFor();
    await window.isFitForAll();
    await panel.getByRole("link", { name: "2.0.0" }).click();
    await page.getByText("pump-2").first().waitFor();
    expect(await page.getByText("pump-3").count()).toBe(0);
    await window.go("/devices/pump-3");
    await page.getByRole("region", { name: "Software" }).getByText("<b>1.9</b>").waitFor();
    await window.isFitForAll();
  });
});
