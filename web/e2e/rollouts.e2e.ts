/** Rollouts: from the wizard to what is seen running, with everything that may hold one back. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { PASSWORD, Windlass } from "./support/windlass";

let server: Windlass;
const windows: Window[] = [];

afterEach(async () => {
  await Promise.all(windows.splice(0).map((window) => window.close()));
  await server?.stop();
});

const FAST = ["--install", "0.2", "--restart", "0.2"];

type Job = { id: number; state: string; rollout: { handling: string; waveTerms: unknown[] } };

atEverySize("rollouts", (_size, openWindow) => {
  const open = async (path: string, user?: string) => {
    const window = await openWindow(server);
    windows.push(window);
    await window.signIn(path, user);
    return window;
  };
  /** The wizard for one release and some devices, up to how it goes. */
  const wizard = async (query: string) => {
    const search = new URLSearchParams({ release: "pump-fw@2.0.0", q: query });
    const window = await open(`/jobs/new?${search.toString()}`);
    await window.page.getByText(/devices? match(es)? now\./).waitFor();
    await window.page.getByRole("button", { name: "Next" }).click();
    await window.page.getByRole("radiogroup", { name: "Waves" }).waitFor();
    return window;
  };

  it("brings a rollout in three clicks from a release to verified devices", async () => {
    server = await Windlass.start();
    await server.simulate(3, "dev-", FAST);
    await server.release("pump-fw", "2.0.0");
    const window = await open("/releases/pump-fw/2.0.0");
    const { page } = window;
    await page.getByRole("link", { name: "Roll out" }).click();
    await page.getByRole("textbox", { name: "All that match a query" }).fill("name==dev-*");
    await page.getByText("3 devices match now.").waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Next" }).click();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Next" }).click();
    await page
      .getByText(/^Windlass will now install pump-fw 2\.0\.0 on 3 devices: 1 device, then 10%/)
      .waitFor();
    await page.getByText(/3 would get work/).waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();
    await page.getByText("3 devices: 3 succeeded").waitFor({ timeout: 40_000 });
    await page.getByText("The new version was seen running.").first().waitFor();
    await window.isFitForAll();
    await window.go("/devices/dev-00000");
    const software = page.getByRole("region", { name: "Software" });
    await software.getByText("2.0.0", { exact: true }).waitFor();
    await software.getByText("The new version was seen running.").waitFor();
    await window.isFitForAll();
  });

  it("lists the dry run device by device, from each of its lines and as a whole", async () => {
    server = await Windlass.start();
    await server.release("pump-fw", "2.0.0");
    const names = Array.from({ length: 60 }, (_, index) => `pump-${100 + index}`);
    for (const name of names) await server.must("POST", "/devices", { name });
    await server.must("POST", "/devices/pump-159/suspend", {});
    const window = await wizard("name==pump-*");
    const { page } = window;
    await page.getByRole("radio", { name: "Everybody at once" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/59 would get work/).waitFor();
    await window.isFitForAll();
    const line = page.getByRole("button", { name: /^Show 59 devices: would be offered work at once/ });
    await line.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "What would happen on each device" });
    await dialog.getByText("pump-100", { exact: true }).waitFor();
    const rows = dialog.getByRole("row");
    expect(await rows.count()).toBe(51);
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Show more" }).click();
    await dialog.getByText("pump-158", { exact: true }).waitFor();
    expect(await rows.count()).toBe(60);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Show 1 device: the device is suspended" }).click();
    await dialog.getByText("pump-159", { exact: true }).waitFor();
    expect(await rows.count()).toBe(2);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Show every device" }).click();
    await dialog.getByRole("button", { name: "Show more" }).click();
    await dialog.getByText("The device is suspended", { exact: false }).waitFor();
    expect(await rows.count()).toBe(61);
    await window.isFitForAll();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Roll out" }).waitFor();
  });

  it("takes names as people write them, from the file that is dropped to what is seen running", async () => {
    server = await Windlass.start();
    await server.simulate(2, "dev-", FAST);
    await server.must("PATCH", "/devices/dev-00000", { addTags: ["my tag 시험"] });
    await server.release("펌웨어 100% (a+b) #1?", "2 & 3");
    const window = await open("/releases/new");
    const { page } = window;
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "pump.bin", mimeType: "application/octet-stream", buffer: Buffer.from("beta") });
    await page.getByText("SHA-256").waitFor();
    await page.getByLabel("Name").fill("Firmware for Pump\u202e");
    await page.getByLabel("Version").fill("2.0 beta");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.locator("[aria-invalid=true]").waitFor();
    await page.getByLabel("Name").fill("Firmware for Pump");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "Firmware for Pump 2.0 beta" }).waitFor();
    await window.isFitForAll();
    for (const name of ["펌웨어 100% (a+b) #1? 2 & 3", "Firmware for Pump 2.0 beta"]) {
      await window.go("/releases");
      await page.getByRole("link", { name }).click();
      await page.getByRole("heading", { level: 1, name }).waitFor();
      await page.reload();
      await page.getByRole("heading", { level: 1, name }).waitFor();
    }
    await page.getByRole("link", { name: "Roll out" }).click();
    await page.getByRole("textbox", { name: "All that match a query" }).fill('tag=="my tag 시험"');
    await page.getByText("1 device matches now.").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/^Windlass will now install Firmware for Pump 2\.0 beta on 1 device/).waitFor();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByRole("heading", { level: 1, name: "Firmware for Pump 2.0 beta" }).waitFor();
    await page.getByText("The new version was seen running.").first().waitFor({ timeout: 40_000 });
    await window.go(`/devices?q=${encodeURIComponent('running=="*2.0 beta"')}`);
    await page.getByRole("link", { name: "dev-00000" }).first().waitFor();
    await window.go("/");
    await page.getByRole("link", { name: "2.0 beta", exact: true }).click();
    await page.getByRole("link", { name: "dev-00000" }).first().waitFor();
    await window.isFitForAll();
  });

  it("says what is missing before it goes on", async () => {
    server = await Windlass.start();
    const window = await open("/jobs/new");
    const { page } = window;
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Choose what to install.").waitFor();
    await page.getByText("Say for which devices.").waitFor();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    await page.getByRole("radio", { name: "Hand over a document of your own" }).click();
    await page.getByRole("textbox", { name: "All that match a query" }).fill("type==(");
    await page.locator("[aria-invalid=true]").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    expect(await page.getByRole("radio", { name: "At a time" }).isVisible(), "it stays").toBe(false);
    await page.getByRole("textbox", { name: "All that match a query" }).fill("name==dev-*");
    await page.getByText("0 devices match now.").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("radio", { name: "At a time" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Say when.").waitFor();
    await page.getByRole("radio", { name: "When I start it" }).click();
    await page.getByRole("radio", { name: "Waves of my own" }).click();
    const size = page.getByRole("group", { name: "Wave 1" }).getByLabel("Size");
    for (const [typed, said] of [
      ["-7", "At least 1."],
      ["", "How many?"],
    ] as const) {
      await size.fill(typed);
      await page.getByRole("button", { name: "Next" }).click();
      await page.getByText(said).waitFor();
      expect([await size.inputValue(), await size.getAttribute("aria-invalid")]).toEqual([typed, "true"]);
    }
    await window.isFitForAll();
  });

  it("tells those who may not make one before they fill it in", async () => {
    server = await Windlass.start();
    await server.must("POST", "/users", { name: "guest", password: PASSWORD, role: "viewer" });
    const window = await open("/jobs", "guest");
    const { page } = window;
    await page.getByText("No rollout yet").waitFor();
    expect(await page.getByRole("link", { name: "New rollout" }).count()).toBe(0);
    for (const path of ["/jobs/new", "/releases/new"]) {
      await window.go(path);
      await page.getByText("Your role does not allow it").waitFor();
      expect(await page.getByRole("main").getByRole("textbox").count()).toBe(0);
      await window.isFitForAll();
    }
  });

  it("says that nothing is at an address which no thing has", async () => {
    server = await Windlass.start();
    const window = await open("/jobs");
    const { page } = window;
    await page.getByText("No rollout yet").waitFor();
    for (const path of ["/jobs/abc", "/jobs/1.5", "/jobs/99999999999999999999"]) {
      await window.go(path);
      await page.getByText("No page of the console has this address.").waitFor();
      await page.getByRole("main").getByRole("link", { name: "Rollouts" }).click();
      await page.getByText("No rollout yet").waitFor();
    }
    for (const [path, said] of [
      ["/jobs/999", /job 999/i],
      ["/releases/ghost/1", /ghost 1/],
      ["/types/edit/ghost", /ghost/],
    ] as const) {
      await window.go(path);
      await page.getByRole("heading", { name: "Nothing is here" }).waitFor();
      await page.getByText(said).waitFor();
    }
    await window.isFitForAll();
  });

  it("makes waves of one’s own, spread over sites, and shows what each waits for", async () => {
    server = await Windlass.start();
    for (const [name, site] of [
      ["a-1", "berlin"],
      ["a-2", "berlin"],
      ["a-3", "hamburg"],
      ["a-4", "hamburg"],
    ])
      await server.must("POST", "/devices", { name, attributes: { site } });
    await server.release("pump-fw", "2.0.0");
    const window = await wizard("name==a-*");
    const { page } = window;
    await page.getByRole("radio", { name: "Waves of my own" }).click();
    const first = page.getByRole("group", { name: "Wave 1" });
    await first.getByLabel("Size").fill("2");
    await first.getByLabel("Only those that match").fill("attribute.site==(");
    await first.getByLabel("Go on at").fill("90");
    await first.getByLabel("Pause after this wave").check();
    await page.getByRole("button", { name: "Order and thresholds" }).click();
    await page.getByRole("combobox", { name: "Order of the devices" }).click();
    await page.getByRole("option", { name: "Spread over an attribute" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Say which attribute.").waitFor();
    await page.getByLabel("Attribute", { exact: true }).fill("site");
    await window.isFitForAll();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("alert").first().waitFor();
    expect(await page.getByTestId("summary").count(), "nothing is promised that was refused").toBe(0);
    await window.isFitForAll();
    await page.getByRole("button", { name: "Show what is wrong" }).click();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    expect(await first.getByLabel("Only those that match").getAttribute("aria-invalid")).toBe("true");
    await first.getByLabel("Only those that match").fill("attribute.site==berlin");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/2 devices of attribute\.site==berlin and a pause, then 10%/).waitFor();
    await page.getByText(/4 would get work/).waitFor();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByText("Only attribute.site==berlin. Next at 90% succeeded. Pauses after it.").waitFor();
    await page.getByText("spread over site").waitFor();
    await page.getByLabel("Name of the device").fill("a-4");
    await page.getByRole("button", { name: "Ask" }).click();
    await page
      .getByRole("region", { name: "Why is a device not updated?" })
      .getByText(/wave/)
      .first()
      .waitFor();
    await window.isFitForAll();
    await page.getByLabel("Name of the device").fill("nobody");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByLabel("Name of the device").inputValue()).toBe("nobody");
  });

  it("holds an update until its maintenance window opens, and says so on the device", async () => {
    server = await Windlass.start();
    await server.simulate(1, "dev-", FAST);
    await server.release("pump-fw", "2.0.0");
    const window = await wizard("name==dev-*");
    const { page } = window;
    await page.getByRole("button", { name: "Times and maintenance windows" }).click();
    await page.getByLabel("Only in maintenance windows").check();
    await page.getByRole("combobox", { name: "The window opens" }).click();
    await page.getByRole("option", { name: "A schedule of my own" }).click();
    await page.getByLabel("Schedule", { exact: true }).fill("every night");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("alert").first().waitFor();
    await page.getByRole("button", { name: "Back" }).click();
    await page.getByLabel("Schedule", { exact: true }).fill("0 0 2 1 1 ? 2099");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/only while a maintenance window is open/).waitFor();
    await page.getByText(/1 would get work/).waitFor();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByText(/^Goes on in/).waitFor({ timeout: 40_000 });
    await window.isFitForAll();
    await window.go("/devices/dev-00000");
    const software = page.getByRole("region", { name: "Software" });
    await software.getByText(/maintenance window.*closed/).waitFor();
    await window.isFitForAll();
  });

  it("waits for a second person, who says why", async () => {
    server = await Windlass.start();
    await server.must("POST", "/devices", { name: "pump-1" });
    await server.must("POST", "/users", { name: "second", password: PASSWORD, role: "admin" });
    await server.release("pump-fw", "2.0.0");
    const window = await wizard("name==pump-*");
    const { page } = window;
    await page.getByRole("button", { name: "People, and devices that come later" }).click();
    await page.getByLabel("Somebody else must approve it").check();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/^Once somebody else has approved it, Windlass will install/).waitFor();
    await page.getByRole("button", { name: "Make it" }).click();
    // Who made it is told who may, and is offered nothing that would be refused.
    await page.getByText(/another user with the permission job\.approve must approve it/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    await page.getByRole("button", { name: "Deny" }).waitFor();
    expect(await page.getByRole("button", { name: "Approve" }).count()).toBe(0);
    expect((await server.ask("POST", "/jobs/1/approve", { remark: "I trust myself." })).status).toBe(409);
    await window.isFitForAll();
    await window.go("/");
    await page.getByText(/^Nothing\. No open alert, no rollout that .* waits for your approval/).waitFor();

    const other = await open("/", "second");
    await other.page.getByRole("link", { name: "Rollout of pump-fw 2.0.0 waits for approval" }).click();
    await other.page.getByRole("button", { name: "Approve" }).click();
    const theirs = other.page.getByRole("dialog");
    await theirs.getByRole("button", { name: "Cancel" }).click();
    await theirs.waitFor({ state: "hidden" });
    await other.page.getByRole("button", { name: "Approve" }).click();
    await theirs.getByLabel("Remark").fill("Looked at it.");
    await theirs.getByRole("button", { name: "Approve" }).click();
    await other.page.getByText(/Approved by user second.*Looked at it\./).waitFor();
    await other.isFitForAll();
    const [job] = (await server.must<{ items: Job[] }>("GET", "/jobs")).items;
    expect(job?.state).toBe("running");

    const release = { name: "pump-fw", version: "2.0.0" };
    const targets = { query: "name==pump-*" };
    await server.must("POST", "/jobs", {
      kind: "update",
      release,
      targets,
      force: true,
      rollout: { approval: true },
    });
    await other.go("/jobs/2");
    await other.page.getByRole("button", { name: "Deny" }).click();
    await theirs.getByLabel("Remark").fill("x".repeat(600));
    await theirs.getByRole("button", { name: "Deny" }).click();
    await theirs.locator("[aria-invalid=true]:focus").waitFor();
    await other.isFitForAll();
    await theirs.getByLabel("Remark").fill("Not on a Thursday.");
    await theirs.getByRole("button", { name: "Deny" }).click();
    await other.page.getByText("Denied by user second").waitFor();
    expect(await other.page.getByText("Not on a Thursday.").count(), "told once").toBe(1);
    expect(await other.page.getByRole("button", { name: /Approve|Deny|Cancel/ }).count()).toBe(0);
  });

  it("brings devices back to the release before", async () => {
    server = await Windlass.start();
    await server.simulate(2, "dev-", FAST);
    for (const version of ["1.9.0", "2.0.0"]) {
      await server.release("pump-fw", version);
      const made = await server.must<Job>("POST", "/jobs", {
        kind: "update",
        release: { name: "pump-fw", version },
        targets: { query: "name==dev-*" },
      });
      await server.until<Job>(`/jobs/${made.id}`, (it) => it.state === "completed");
    }
    const window = await open("/jobs/1");
    const { page } = window;
    const rollBack = page.getByRole("button", { name: "Roll back" });
    // No release holds what ran before the first one.
    await page.locator("button[aria-disabled=true]", { hasText: "Roll back" }).waitFor();
    await rollBack.hover();
    await page
      .getByRole("tooltip")
      .filter({ hasText: /no release holds what the devices of job 1 ran before/i })
      .waitFor();
    await window.isFitForAll();
    await window.go("/jobs/2");
    await rollBack.click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/installs pump-fw 1\.9\.0 on 2 devices/).waitFor();
    await window.isFitForAll();
    await dialog.getByRole("button", { name: "Roll back" }).click();
    await page.waitForURL(/\/jobs\/3$/);
    await page.getByText("2 devices: 2 succeeded").waitFor({ timeout: 40_000 });
    await window.go("/devices/dev-00000");
    await page.getByRole("region", { name: "Software" }).getByText("1.9.0", { exact: true }).waitFor();
    await window.go("/jobs?kind=command");
    await page.getByText("None like this").waitFor();
    await window.isFitForAll();
    await window.go("/jobs?state=completed");
    await page.getByLabel("Only those with these words").fill("fw 2.0");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "pump-fw 2.0.0" }).first().waitFor();
    await page.getByRole("link", { name: "pump-fw 1.9.0" }).first().waitFor({ state: "hidden" });
  });
});
