/**
 * The real program: a server on a directory of its own, and simulated devices.
 *
 * Knows nothing about browsers. Every server listens on free ports of the loopback interface.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { components } from "../../src/api/schema";

type Schemas = components["schemas"];

export const USER = "admin";
export const PASSWORD = "correct horse battery staple";

const BINARY = process.env["WINDLASS_BINARY"] ?? join(import.meta.dirname, "../../../target/debug/windlass");
/** What an enrolling device becomes: the example of the guides. */
const TEMPLATE = join(import.meta.dirname, "../../../docs/examples/template.json");
const PATIENCE = 30_000;

/** A program that runs, with what it says. */
class Running {
  said = "";
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.said = (this.said + text).slice(-100_000);
        this.waiting.forEach((look) => look());
      });
    }
    child.on("exit", () => this.waiting.forEach((look) => look()));
  }

  static start(args: string[], environment: Record<string, string> = {}): Running {
    const env = { ...process.env, NO_COLOR: "1", ...environment };
    return new Running(spawn(BINARY, args, { env, stdio: ["ignore", "pipe", "pipe"] }));
  }

  /** Waits until it has said this, and answers what the expression caught. */
  async says(expression: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => end(() => reject(new Error(`not said within 30 s: ${expression}\n${this.said}`))),
        PATIENCE,
      );
      const end = (act: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        act();
      };
      const look = () => {
        const found = expression.exec(this.said);
        if (found) end(() => resolve(found));
        else if (this.child.exitCode !== null) end(() => reject(new Error(`windlass ended:\n${this.said}`)));
      };
      this.waiting.add(look);
      look();
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await ended;
  }
}

export type Answer<T> = { status: number; body: T };

/** A server of one test's own. */
export class Windlass {
  private running: Running | null = null;
  private readonly devices: Running[] = [];
  private token: string | null = null;
  private httpPort = 0;
  devicePort = 0;

  private constructor(
    readonly directory: string,
    private readonly withAdmin: boolean,
    private readonly settings: Record<string, string>,
  ) {}

  /** With the user `admin`; or, for the first run, with nobody. `settings` as variables of its environment. */
  static async start({
    admin = true,
    settings = {},
  }: { admin?: boolean; settings?: Record<string, string> } = {}): Promise<Windlass> {
    const server = new Windlass(await mkdtemp(join(tmpdir(), "windlass-e2e-")), admin, settings);
    await writeFile(server.file("password"), PASSWORD, { mode: 0o600 });
    await server.begin();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** What the server printed for its operator. */
  says(expression: RegExp): Promise<RegExpExecArray> {
    if (!this.running) throw new Error("the server does not run");
    return this.running.says(expression);
  }

  async begin(): Promise<void> {
    this.running = Running.start(
      [
        ...["serve", "--data", this.file("data"), "--hostname", "localhost"],
        ...["--http", `127.0.0.1:${this.httpPort}`, "--mqtt", `127.0.0.1:${this.devicePort}`],
      ],
      {
        ...this.settings,
        ...(this.withAdmin ? { WINDLASS_ADMIN_PASSWORD_FILE: this.file("password") } : {}),
      },
    );
    const ready = await this.running.says(
      /windlass is ready.*http\.address=127\.0\.0\.1:(\d+) device\.addresses=\[127\.0\.0\.1:(\d+)/,
    );
    this.httpPort = Number(ready[1]);
    this.devicePort = Number(ready[2]);
  }

  /** Ends the server alone; devices and directory stay. */
  async end(): Promise<void> {
    await this.running?.stop();
    this.running = null;
  }

  /** Does something, then puts the server's state back to what it was before, as a restored backup would. */
  async forget(act: () => Promise<void>): Promise<void> {
    const before = this.file("before");
    await this.end();
    await cp(this.file("data"), before, { recursive: true, filter: (source) => !source.endsWith(".sock") });
    await this.begin();
    await act();
    await this.end();
    await rm(this.file("data"), { recursive: true });
    await rename(before, this.file("data"));
    await this.begin();
  }

  /** Ends everything and removes the directory. */
  async stop(): Promise<void> {
    await Promise.all(this.devices.map((it) => it.stop()));
    await this.end();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** One request as `admin`, as a program would make it. */
  async ask<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`,
        ...(body === undefined
          ? {}
          : { "content-type": raw ? "application/octet-stream" : "application/json" }),
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get("content-type")?.includes("json");
    return { status: response.status, body: (json ? JSON.parse(text) : text) as T };
  }

  /** The same, where only success is of use. */
  async must<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.ask<T>(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** The command line, as `admin`; gives what it says, and fails where it does. */
  async command(...args: string[]): Promise<string> {
    this.token ??= (
      await this.must<{ secret: string }>("POST", "/tokens", { name: "command line", role: "admin" })
    ).secret;
    const env = { ...process.env, NO_COLOR: "1", WINDLASS_URL: this.url, WINDLASS_TOKEN: this.token };
    const { stdout, stderr } = await promisify(execFile)(BINARY, args, { env });
    return stdout + stderr;
  }

  /** Asks again until the answer is as wanted. */
  async until<T>(path: string, wanted: (body: T) => boolean): Promise<T> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const { body } = await this.ask<T>("GET", path);
      if (wanted(body)) return body;
      if (Date.now() > end) throw new Error(`GET ${path} never became as wanted: ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /**
   * Devices that enrol with a claim of their own and stay until the test ends: `dev-00000` and so on for the prefix
   * `dev-`. At most ten: a claim makes no more certificates in a minute.
   */
  async simulate(count: number, prefix: string, extra: string[] = []): Promise<void> {
    const claim = await this.claim(`claim-${this.devices.length}`);
    const args = [
      "sim",
      "--server",
      `localhost:${this.devicePort}`,
      "--claim",
      claim,
      "--devices",
      String(count),
    ];
    const devices = Running.start([...args, "--prefix", prefix, "--rate", "1", ...extra]);
    this.devices.push(devices);
    const query = encodeURIComponent(`name==${prefix}*;presence==connected`);
    try {
      await this.until<{ total: number }>(`/devices?limit=1&q=${query}`, (page) => page.total >= count);
    } catch (error) {
      throw new Error(`the devices say:\n${devices.said}`, { cause: error });
    }
  }

  /** A device that tries to enrol under a name that is in use; it keeps trying. */
  async attempt(prefix: string): Promise<void> {
    const claim = await this.claim(`claim-again-${this.devices.length}`);
    const server = `localhost:${this.devicePort}`;
    this.devices.push(
      Running.start(["sim", "--server", server, "--claim", claim, "--devices", "1", "--prefix", prefix]),
    );
  }

  /** A claim and what devices need to use it, in a directory. */
  async claim(name: string): Promise<string> {
    await this.must("PUT", "/templates/default", {
      body: JSON.parse(await readFile(TEMPLATE, "utf8")) as unknown,
    });
    const claim = await this.must<Schemas["CreatedClaim"]>("POST", "/claims", { name });
    const directory = this.file(name);
    await mkdir(directory);
    await writeFile(join(directory, "claim.pem"), claim.certificatePem);
    await writeFile(join(directory, "claim.key"), claim.privateKeyPem ?? "", { mode: 0o600 });
    await writeFile(join(directory, "ca.pem"), claim.caPem);
    return directory;
  }

  /** Stops the devices that were started last. */
  async silence(): Promise<void> {
    await this.devices.pop()?.stop();
  }

  /** Uploads bytes and makes a release of them. */
  async release(name: string, version: string, deviceTypes: string[] = []): Promise<void> {
    const file = await this.must<{ id: number }>(
      "POST",
      `/artifacts?name=${encodeURIComponent(`${name}-${version}.bin`)}`,
      `${name} ${version}`,
    );
    await this.must("POST", "/components", { name, version, type: "firmware", artifacts: [file.id] });
    await this.must("POST", "/releases", { name, version, components: [{ name, version }], deviceTypes });
  }
}
