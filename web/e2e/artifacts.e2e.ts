/** Who may sign artifacts of a whole tenant, and how many bytes there may be of all of them. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { Signer, swu } from "./support/swu";
import { Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

type Terms = { signers: string[]; requireSignature: boolean; quotaBytes?: number | null };

const file = (name: string, buffer: Buffer) => ({ name, mimeType: "application/octet-stream", buffer });

atEverySize("artifacts of a tenant", (_size, openWindow) => {
  /** The tab, reached as people reach it. */
  const open = async () => {
    server = await Windlass.start();
    window = await openWindow(server);
    await window.signIn("/settings");
    const { page } = window;
    await page.getByRole("tab", { name: "Artifacts" }).click();
    await page.getByLabel("Quota for all artifacts (GiB)").waitFor();
    return page;
  };
  const terms = () => server.must<Terms>("GET", "/settings/artifacts");

  it("have a quota: what is beyond it is refused with what to do, until the quota goes", async () => {
    const page = await open();
    const quota = page.getByLabel("Quota for all artifacts (GiB)");
    const save = page.getByRole("button", { name: "Save" });
    await window.isFitForAll();
    await quota.fill("0");
    await save.click();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    expect(await quota.getAttribute("aria-invalid")).toBe("true");
    expect((await terms()).quotaBytes ?? null, "nothing was saved").toBeNull();
    await window.isFitForAll();
    // 1,074 bytes.
    await quota.fill("0.000001");
    await save.click();
    await page.getByText("The settings are in force.").waitFor();
    expect((await terms()).quotaBytes).toBe(1074);

    const large = file("pump-fw-2.0.0.bin", Buffer.alloc(1075, "x"));
    await window.go("/releases/new");
    await page.getByLabel("Files").setInputFiles(large);
    await page.getByText(/delete artifacts or uploads that nobody needs/).waitFor();
    await page.getByText("Leave out pump-fw-2.0.0.bin, which cannot be used.").waitFor();
    expect(await page.getByRole("button", { name: "Make the release" }).isDisabled()).toBe(true);
    await window.isFitForAll();

    await window.go("/settings?tab=artifacts");
    expect(Number(await quota.inputValue())).toBeCloseTo(0.000001, 9);
    await quota.fill("");
    await save.click();
    await page.getByText("The settings are in force.").waitFor();
    expect((await terms()).quotaBytes ?? null).toBeNull();
    await window.go("/releases/new");
    await page.getByLabel("Files").setInputFiles(large);
    await page.getByText("SHA-256").waitFor();
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.0" }).waitFor();
    await window.go("/settings?tab=artifacts");
    await page.getByText(/^1\.0 KiB of .* used by artifacts/).waitFor();
    await window.isFitForAll();
  });

  it("have signers: a bad certificate is refused at its field, and what others sign is not released", async () => {
    const page = await open();
    const signer = await Signer.make(server, "release-team");
    await server.must("PUT", "/types/pump", {});
    const save = page.getByRole("button", { name: "Save" });
    const release = async (name: string, version: string, bytes: Buffer) => {
      await window.go("/releases/new");
      await page.getByLabel("Files").setInputFiles(file(`${name}-${version}.swu`, bytes));
      await page.getByText("SHA-256").waitFor();
      await page.getByRole("combobox", { name: "For device types" }).fill("pump");
      await page.keyboard.press("Enter");
    };

    await page.getByRole("button", { name: "Add a signer" }).click();
    await page.getByRole("textbox", { name: "Signer 1" }).fill(signer.certificate);
    await page.getByRole("button", { name: "Add a signer" }).click();
    const second = page.getByRole("textbox", { name: "Signer 2" });
    await second.fill(signer.certificate.replace("MII", "nothing"));
    await save.click();
    await page.locator("[aria-invalid=true]:focus").waitFor();
    expect(await second.getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByRole("textbox", { name: "Signer 1" }).getAttribute("aria-invalid")).not.toBe(
      "true",
    );
    expect((await terms()).signers, "nothing was saved").toEqual([]);
    await window.isFitForAll();
    await page.getByRole("button", { name: "Remove signer 2" }).click();
    await page.getByLabel("Only signed software").check();
    await save.click();
    await page.getByText("The settings are in force.").waitFor();
    expect(await terms()).toMatchObject({ signers: [signer.certificate], requireSignature: true });
    await window.isFitForAll();

    await release("pump-fw", "2.0.0", swu("2.0.0", "pump-rev2"));
    await page.getByRole("button", { name: "Make the release" }).click();
    await page
      .getByText(/pump-fw-2\.0\.0\.swu.*not signed/)
      .first()
      .waitFor();
    await window.isFitForAll();
    await release("pump-fw", "2.0.1", await signer.swu("2.0.1", "pump-rev2"));
    await page.getByText("signed: release-team").waitFor();
    await page.getByText("the tenant’s signers").waitFor();
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.1" }).waitFor();
    await window.isFitForAll();

    await window.go("/settings?tab=artifacts");
    await page.getByRole("button", { name: "Remove signer 1" }).click();
    await save.click();
    // Signed software only, and nobody whose signature counts: that would refuse every release.
    await page.locator("[aria-invalid=true]:focus").waitFor();
    expect((await terms()).signers).toHaveLength(1);
    await page.getByLabel("Only signed software").uncheck();
    await save.click();
    await page.getByText("The settings are in force.").waitFor();
    expect(await terms()).toMatchObject({ signers: [], requireSignature: false });
    await release("pump-fw", "2.0.2", swu("2.0.2", "pump-rev2"));
    await page.getByRole("button", { name: "Make the release" }).click();
    await page.getByRole("heading", { level: 1, name: "pump-fw 2.0.2" }).waitFor();
  });
});
