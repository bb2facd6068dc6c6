/** What stands between a device and its update: consent, release rules, a stop that is not obeyed; and late comers. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { DdiDevice } from "./support/ddi";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

const FAST = ["--install", "0.2", "--restart", "0.2"];
const MINE = { kind: "update", release: { name: "pump-fw", version: "2.0.0" } };

type Job = { id: number; state: string };

atEverySize("updates", (_size, openWindow) => {
  const open = async (path: string) => {
    window = await openWindow(server);
    await window.signIn(path);
    return window.page;
  };
  /** A server with devices of hawkBit's world, whose version shows in what they say of themselves. */
  const withDevices = async (versions: Record<string, string>) => {
    server = await Windlass.start();
    await DdiDevice.allow(server);
    await server.must("PUT", "/types/pump", { versionSources: [{ inventory: "fw" }] });
    const made: Record<string, DdiDevice> = {};
    for (const [name, fw] of Object.entries(versions)) made[name] = await DdiDevice.make(server, name, fw);
    return (name: string) => made[name] ?? fail(name);
  };
  const fail = (name: string): never => {
    throw new Error(`no device ${name}`);
  };

  it("waits for a device’s user, until an operator, the command line or the device itself agrees", async () => {
    const device = await withDevices({ "pump-2": "1.0.0" });
    await server.simulate(1, "pump-0", FAST);
    await server.simulate(1, "pump-1", FAST);
    await server.release("pump-fw", "2.0.0");
    const search = new URLSearchParams({ release: "pump-fw@2.0.0", q: "name==pump-*" });
    const page = await open(`/jobs/new?${search.toString()}`);
    await page.getByText("3 devices match now.").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("radio", { name: "Everybody at once" }).click();
    await page.getByRole("button", { name: "People, and devices that come later" }).click();
    await page.getByLabel("The user of each device must agree").check();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/after the user of each device has agreed/).waitFor();
    await page.getByRole("button", { name: "Roll out" }).click();
    const waits = page.getByText("The device's user has not agreed to the update yet.");
    await waits.nth(2).waitFor({ timeout: 40_000 });
    await window.isFitForAll();

    // On the device's own page, where somebody who was called about it looks.
    await window.go("/devices/pump-000000");
    const software = page.getByRole("region", { name: "Software" });
    await software.getByText("The device's user has not agreed to the update yet.").waitFor();
    await window.isFitForAll();
    await software.getByRole("button", { name: "Agree for it" }).click();
    await software.getByText("The new version was seen running.").waitFor({ timeout: 40_000 });
    expect(await software.getByRole("button", { name: "Agree for it" }).count()).toBe(0);

    await server.command("job", "confirm", "1", "pump-100000");
    const action = await device("pump-2").told("confirmationBase");
    await device("pump-2").agrees(action);
    expect(await device("pump-2").told("deploymentBase")).toBe(action);
    await device("pump-2").says(action, "closed", "success");
    await device("pump-2").runs("2.0.0");
    await window.go("/jobs/1");
    await page.getByText("3 devices: 3 succeeded").waitFor({ timeout: 40_000 });
    await window.isFitForAll();
    const agreed = await server
      .command("job", "confirm", "1", "pump-2")
      .catch((error: Error) => error.message);
    expect(agreed).toContain("does not wait for anybody to agree");
  });

  it("asks a device to stop, hears that it refuses, and ends it without its word", async () => {
    const device = await withDevices({ "pump-1": "1.0.0", "pump-2": "1.0.0" });
    await server.release("pump-fw", "2.0.0");
    await server.must("POST", "/jobs", { ...MINE, targets: { query: "name==pump-*" } });
    const first = await device("pump-1").told("deploymentBase");
    const second = await device("pump-2").told("deploymentBase");
    await device("pump-1").says(first, "proceeding");
    await device("pump-2").says(second, "proceeding");
    const page = await open("/jobs/1");
    await page.getByText("2 devices: 2 in progress").waitFor();
    const row = page.getByRole("row").filter({ hasText: "pump-1" });
    await row.getByRole("button", { name: "Stop" }).click();
    await window.isFitForAll();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await row.getByText(/was asked to stop and has not answered/).waitFor();
    await device("pump-1").answersToStop(await device("pump-1").told("cancelAction"), "rejected");
    // It goes on, and its own words say why.
    await row.getByText(/refused to stop.*the flash is being written/).waitFor();
    await window.isFitForAll();
    expect((await device("pump-1").links()).cancelAction).toBeUndefined();

    // The whole rollout is canceled: who is at work may finish. One of them never says a word again.
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog").getByText("2 devices at work on it may finish.").waitFor();
    await window.isFitForAll();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the rollout" }).click();
    await page.getByText("stopping").first().waitFor();
    await device("pump-1").says(first, "closed", "success");
    await device("pump-1").runs("2.0.0");
    await page.getByText("2 devices: 1 succeeded, 1 in progress").waitFor();
    await page.getByRole("button", { name: "End it everywhere" }).click();
    await page
      .getByRole("dialog")
      .getByText(/1 device is still at work on it/)
      .waitFor();
    await window.isFitForAll();
    await page.getByRole("dialog").getByRole("button", { name: "End it everywhere" }).click();
    await page.getByText("2 devices: 1 succeeded, 1 canceled or skipped").waitFor();
    await window.isFitForAll();
    const { state } = await server.until<Job>("/jobs/1", (it) => it.state !== "stopping");
    expect(state).toBe("canceled");
    expect((await device("pump-2").links()).deploymentBase).toBeUndefined();
  });

  it("forces the end on one device that stays silent", async () => {
    const device = await withDevices({ "pump-1": "1.0.0" });
    await server.release("pump-fw", "2.0.0");
    await server.must("POST", "/jobs", { ...MINE, targets: { devices: ["pump-1"] } });
    await device("pump-1").says(await device("pump-1").told("deploymentBase"), "proceeding");
    const page = await open("/devices/pump-1");
    const software = page.getByRole("region", { name: "Software" });
    await software.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await software.getByText(/was asked to stop and has not answered/).waitFor();
    await software.getByRole("button", { name: "End it" }).click();
    await page
      .getByRole("dialog")
      .getByText(/has not answered/)
      .waitFor();
    await window.isFitForAll();
    await page.getByRole("dialog").getByRole("button", { name: "End it" }).click();
    await software.getByText(/an operator ended it without asking the device/).waitFor();
    await window.isFitForAll();
    expect(await software.getByRole("button", { name: /Stop|End it/ }).count()).toBe(0);
  });

  it("keeps a release from devices that its rules leave out, and says why on the device", async () => {
    await withDevices({
      "pump-old": "1.0.0",
      "pump-good": "1.5.0",
      "pump-new": "3.0.0",
      "pump-edge": "1.9.0",
    });
    const page = await open("/releases/new");
    const image = {
      name: "pump-fw-2.0.0.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("fw"),
    };
    await page.getByLabel("Files").setInputFiles({ ...image, name: "other-9.9.bin" });
    await page.getByText("SHA-256").waitFor();
    await page.getByRole("button", { name: "Leave out other-9.9.bin" }).click();
    expect(await page.getByLabel("Name").inputValue(), "a guess from a file that is left out").toBe("");
    await server.until<{ items: unknown[] }>("/artifacts", (it) => it.items.length === 0);
    await page.getByLabel("Files").setInputFiles(image);
    await page.getByText("SHA-256").waitFor();
    await page.getByRole("button", { name: "Which devices may get it" }).click();
    await page.getByLabel("Oldest it may replace").fill("1.8");
    await page.getByLabel("Newest it may replace").fill("1.2");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    await window.isFitForAll();
    await page.getByLabel("Oldest it may replace").fill("1.2");
    await page.getByLabel("Newest it may replace").fill("1.8");
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();
    await page.getByText("Over versions from").waitFor();
    await window.isFitForAll();

    await page.getByRole("link", { name: "Roll out" }).click();
    await page.getByRole("textbox", { name: "All that match a query" }).fill("type==pump");
    await page.getByText("4 devices match now.").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("radio", { name: "Everybody at once" }).click();
    await page.getByRole("button", { name: "Next" }).click();
    const dryRun = page.getByRole("region", { name: "Dry run" });
    await dryRun.getByText(/1 would get work/).waitFor();
    await dryRun
      .getByText(/1\.0\.0/)
      .first()
      .waitFor();
    await dryRun
      .getByText(/1\.9\.0/)
      .first()
      .waitFor();
    await dryRun
      .getByText(/3\.0\.0/)
      .first()
      .waitFor();
    await window.isFitForAll();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByText(/4 devices:.*3 canceled or skipped/).waitFor({ timeout: 40_000 });
    await window.isFitForAll();
    for (const [name, why] of [
      ["pump-old", /1\.0\.0.*1\.2/],
      ["pump-edge", /1\.9\.0.*1\.8/],
      ["pump-new", /3\.0\.0/],
    ] as const) {
      await window.go(`/devices/${name}`);
      await page.getByRole("region", { name: "Software" }).getByText(why).first().waitFor();
    }
    await window.isFitForAll();
  });

  it("takes in a device that comes to match a rollout which goes on", async () => {
    const device = await withDevices({ "pump-1": "1.0.0" });
    await server.release("pump-fw", "2.0.0");
    const search = new URLSearchParams({ release: "pump-fw@2.0.0", q: "type==pump" });
    const page = await open(`/jobs/new?${search.toString()}`);
    await page.getByText("1 device matches now.").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("radio", { name: "Everybody at once" }).click();
    await page.getByRole("button", { name: "People, and devices that come later" }).click();
    await page.getByLabel("Also devices that match later").check();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText(/and later each device that comes to match/).waitFor();
    await page.getByRole("button", { name: "Roll out" }).click();
    await page.getByText(/join when they match/).waitFor();
    const done = async (name: string) => {
      await device(name).says(await device(name).told("deploymentBase"), "closed", "success");
      await device(name).runs("2.0.0");
    };
    await done("pump-1");
    await page.getByText("1 device: 1 succeeded").first().waitFor({ timeout: 40_000 });
    await window.isFitForAll();

    const late = await DdiDevice.make(server, "pump-late", "1.0.0");
    await late.says(await late.told("deploymentBase"), "closed", "success");
    await late.runs("2.0.0");
    await page.getByText("2 devices: 2 succeeded").first().waitFor({ timeout: 40_000 });
    await page.getByRole("link", { name: "pump-late" }).waitFor();
    await window.isFitForAll();
    const { state } = await server.must<Job>("GET", "/jobs/1");
    expect(state).toBe("running");
  });
});
