/**
 * Chromium as people use it: on a desktop and on a phone, with the page's own rules in force.
 *
 * Accessibility is checked in the page as it stands; a fault of the page's script or its security policy fails the test.
 */
import { AxeBuilder } from "@axe-core/playwright";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";

import { PASSWORD, USER, type Windlass } from "./windlass";

export const SIZES = [
  { name: "desktop", width: 1280, height: 800 },
  { name: "phone", width: 390, height: 844 },
] as const;

export type Size = (typeof SIZES)[number];

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });

/** A window of one journey, with what went wrong in it. */
export class Window {
  readonly faults: string[] = [];

  private constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly server: Windlass,
    readonly size: Size,
  ) {
    page.on("pageerror", (error) => this.faults.push(`script: ${error.message}`));
    page.on("console", (message) => {
      if (
        message.type() === "error" &&
        /Content.Security.Policy|Uncaught|Minified React/.test(message.text())
      ) {
        this.faults.push(message.text());
      }
    });
  }

  static async open(
    browser: Browser,
    server: Windlass,
    size: Size,
    scheme: "light" | "dark" = "light",
  ): Promise<Window> {
    const context = await browser.newContext({
      viewport: { width: size.width, height: size.height },
      colorScheme: scheme,
      reducedMotion: "reduce",
      acceptDownloads: true,
      locale: "en-GB",
      timezoneId: "UTC",
      hasTouch: size.name === "phone",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    return new Window(page, context, server, size);
  }

  /** Opens a path of the console. */
  async go(path: string): Promise<void> {
    await this.page.goto(this.server.url + path);
  }

  async signIn(path = "/", user = USER): Promise<void> {
    await this.go(path);
    await this.page.getByLabel("User").fill(user);
    await this.page.getByLabel("Password").first().fill(PASSWORD);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("main").getByRole("heading", { level: 1 }).waitFor();
  }

  /** Nothing on the page keeps anybody out, and nothing sticks out of its width. */
  async isFitForAll(): Promise<void> {
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(wide, `the page at ${this.page.url()} is wider than the window`).toBeLessThanOrEqual(0);
    // What fades in has no contrast yet.
    await this.page.waitForFunction(() =>
      document
        .getAnimations()
        .every((it) => it.playState !== "running" || it.effect?.getTiming().iterations === Infinity),
    );
    const found = await new AxeBuilder({ page: this.page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"])
      .analyze();
    const said = found.violations.map(
      (it) =>
        `${it.id}: ${it.help}\n${it.nodes.map((node) => `  ${node.html.slice(0, 200)}\n  ${node.failureSummary ?? ""}`).join("\n")}`,
    );
    if (said.length > 0) throw new Error(`${this.page.url()} keeps people out:\n${said.join("\n")}`);
  }

  async close(): Promise<void> {
    await this.context.close();
    expect(this.faults).toEqual([]);
  }
}

/** A group of journeys at one size after the other; each starts what it needs with `open`. */
export function atEverySize(title: string, journeys: (size: Size, open: Open) => void): void {
  for (const size of SIZES) {
    describe(`${title}, ${size.name}`, () => {
      let browser: Browser;
      beforeAll(async () => {
        browser = await launch();
      });
      afterAll(() => browser.close());
      journeys(size, (server) => Window.open(browser, server, size));
    });
  }
}

export type Open = (server: Windlass) => Promise<Window>;
