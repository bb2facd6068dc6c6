/** Sessions that end, servers that start again, people who leave. */
import { afterEach, expect, it } from "vitest";

import { atEverySize, type Window } from "./support/browser";
import { PASSWORD, Windlass } from "./support/windlass";

let server: Windlass;
let window: Window;

afterEach(async () => {
  await window?.close();
  await server?.stop();
});

atEverySize("sessions", (size, open) => {
  it("keeps a form whose session ended, and sends nothing by itself", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/types/new");
    await page.getByLabel("Name").fill("pump");
    await page.getByLabel("Description").fill("typed before the session ended");
    await window.context.clearCookies();
    await page.getByRole("button", { name: "Save" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Password").first().waitFor();
    await window.isFitForAll();
    await dialog.getByLabel("User").fill("admin");
    await dialog.getByLabel("Password").first().fill(PASSWORD);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(await page.getByLabel("Description").inputValue()).toBe("typed before the session ended");
    expect((await server.ask("GET", "/types/pump")).status).toBe(404);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("link", { name: "pump" }).waitFor();
    expect((await server.ask("GET", "/types/pump")).status).toBe(200);
  });

  it("goes on by itself when the server has started again", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/groups");
    await page.getByText("No group yet").waitFor();
    await server.end();
    await server.begin();
    await server.must("POST", "/groups", { path: "made/after" });
    await page.getByRole("link", { name: "made/after" }).waitFor({ timeout: 40_000 });
    await window.isFitForAll();
  });

  it("leaves nothing behind after signing out", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.signIn("/audit");
    await page.getByRole("button", { name: /Account of admin/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await window.isFitForAll();
    const cookies = await window.context.cookies();
    expect(cookies.filter((cookie) => cookie.name.includes("windlass"))).toEqual([]);
    await page.reload();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    expect(size.width).toBe(page.viewportSize()?.width);
  });

  it("says that a password is wrong and keeps the name", async () => {
    server = await Windlass.start();
    window = await open(server);
    const { page } = window;
    await window.go("/jobs");
    await page.getByLabel("User").fill("admin");
    await page.getByLabel("Password").first().fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The user name or the password is wrong.").waitFor();
    expect(await page.getByLabel("User").inputValue()).toBe("admin");
    await window.isFitForAll();
  });

  it("changes a viewer’s own password for whoever knows it, and has them sign in again", async () => {
    server = await Windlass.start();
    await server.must("POST", "/users", { name: "vera", password: PASSWORD, role: "viewer" });
    window = await open(server);
    const { page } = window;
    await window.signIn("/account", "vera");
    await page.getByRole("button", { name: "Change your password" }).click();
    await page.getByLabel("Current password").fill("a guess of somebody");
    await page.getByLabel("New password").fill("short");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByText("is not the password that you have now").waitFor();
    expect(await page.locator("[aria-invalid=true]").count()).toBe(2);
    await window.isFitForAll();
    await page.getByLabel("Current password").fill(PASSWORD);
    await page.getByLabel("New password").fill("another horse battery staple");
    await page.getByRole("button", { name: "Set the password" }).click();
    const again = page.getByRole("dialog", { name: "Your session has ended" });
    await again.getByLabel("Password").first().fill("another horse battery staple");
    await again.getByRole("button", { name: "Sign in" }).click();
    await again.waitFor({ state: "hidden" });
    await page.getByRole("heading", { level: 1, name: "Your account" }).waitFor();
  });
});
