/** Pictures of every screen in both themes, for `docs/screenshots`. Made by `cargo xtask screenshots`; asserts nothing. */
import { execFile } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, it } from "vitest";

import { launch, SIZES, Window } from "./support/browser";
import { Windlass } from "./support/windlass";

const run = promisify(execFile);
const TARGET = join(import.meta.dirname, "../../docs/screenshots");
const MOST_BYTES = 160 * 1024;

const SCREENS: [name: string, path: string][] = [
  ["overview", "/"],
  ["devices", "/devices"],
  ["device", "/devices/pump-00000"],
  ["telemetry", "/devices/pump-00000?tab=telemetry"],
  ["shadow", "/devices/pump-00000?tab=shadow"],
  ["connect", "/connect"],
  ["rollouts", "/jobs"],
  ["rollout", "/jobs/1"],
  ["rollout-held", "/jobs/3"],
  ["rollout-new", "/jobs/new"],
  ["commands", "/commands"],
  ["releases", "/releases"],
  ["release", "/releases/pump-fw/2.0.0"],
  ["types", "/types/edit/pump"],
  ["groups", "/groups"],
  ["provisioning", "/provisioning"],
  ["alerts", "/alerts"],
  ["notifications", "/notifications"],
  ["events", "/events"],
  ["refusals", "/refusals"],
  ["audit", "/audit"],
  ["users", "/users"],
  ["tokens", "/tokens"],
  ["server", "/settings"],
  ["hawkbit", "/settings?tab=hawkbit"],
];

it("makes a picture of every screen in both themes", { timeout: 600_000 }, async () => {
  await mkdir(TARGET, { recursive: true });
  const server = await Windlass.start();
  const browser = await launch();
  try {
    await furnish(server);
    for (const size of SIZES) {
      for (const scheme of ["light", "dark"] as const) {
        const window = await Window.open(browser, server, size, scheme);
        await window.signIn("/");
        await window.page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
        const screens = size.name === "desktop" ? SCREENS : SCREENS.slice(0, 2).concat(SCREENS.slice(7, 8));
        for (const [name, path] of screens) {
          await window.go(path);
          await window.page.getByRole("heading", { level: 1 }).waitFor();
          // The live view keeps a connection open, so the network is never idle: what is asked for has to be there.
          await window.page
            .locator("[aria-busy=true], [aria-label=Loading]")
            .first()
            .waitFor({ state: "hidden" });
          await window.page.evaluate(() => document.fonts.ready);
          await window.page.screenshot({ path: file(size.name, name, scheme), animations: "disabled" });
        }
        await window.close();
      }
    }
  } finally {
    await browser.close();
    await server.stop();
  }
  const pictures = (await readdir(TARGET))
    .filter((name) => name.endsWith(".png"))
    .map((name) => join(TARGET, name));
  await run("pngquant", [
    "--force",
    "--ext",
    ".png",
    "--skip-if-larger",
    "--quality",
    "60-95",
    ...pictures,
  ]).catch((error: { code?: number }) => {
    // 98 and 99: some picture was as small as it gets.
    if (error.code !== 98 && error.code !== 99) throw error;
  });
  for (const picture of pictures) expect((await stat(picture)).size, picture).toBeLessThan(MOST_BYTES);
});

const file = (size: string, name: string, scheme: string) =>
  join(TARGET, `${size === "desktop" ? "" : `${size}-`}${name}-${scheme}.png`);

/** A small fleet with a story: a good rollout and one that stopped itself. */
async function furnish(server: Windlass): Promise<void> {
  await server.must("PUT", "/types/pump", {
    description: "A pump with a small controller",
    contactIntervalSeconds: 300,
    topicMap: [{ filter: "sites/+/{name}/values", target: "telemetry" }],
  });
  await server.must("POST", "/groups", { path: "eu/berlin", description: "Plant in Berlin" });
  await server.must("POST", "/groups", { path: "eu/hamburg", description: "Harbour of Hamburg" });
  const fast = ["--install", "0.3", "--restart", "0.3"];
  await server.simulate(8, "pump-", [...fast, "--profile", "pump"]);
  await server.must("POST", "/groups/eu%2Fberlin/members", { addMatching: "name==pump-0000*" });
  await server.must("POST", "/devices/tags", { q: "name==pump-*", add: ["outdoor"], remove: [] });
  for (const version of ["2.0.0", "2.1.0"]) await server.release("pump-fw", version);
  const job = (version: string) => ({
    kind: "update",
    release: { name: "pump-fw", version },
    targets: { query: "name==pump-*" },
    waves: [{ count: 2 }, { percent: 50 }],
    failureThreshold: { count: 1 },
  });
  await server.must("POST", "/jobs", job("2.0.0"));
  await server.until<{ state: string }>("/jobs/1", (it) => it.state === "completed");
  await server.simulate(6, "valve-", [...fast, "--fail", "1"]);
  await server.must("POST", "/jobs", { ...job("2.1.0"), targets: { query: "name==valve-*" } });
  await server.until<{ state: string }>("/jobs/2", (it) => it.state === "halted");
  await server.must("POST", "/jobs", {
    ...job("2.1.0"),
    targets: { query: "name==pump-*" },
    rollout: {
      handling: "soft",
      window: { schedule: "0 2 * * SAT", durationSeconds: 10_800 },
      order: { by: "spread", attribute: "site" },
      concurrency: 50,
      waveTerms: [{ name: "Two to begin with", successPercent: 100, pauseAfter: true }],
    },
  });
}
