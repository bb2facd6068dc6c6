/** A device that speaks hawkBit's device interface, as a client of that world does: it polls, and says how it goes. */
import { expect } from "vitest";

import type { Windlass } from "./windlass";

type Links = Partial<Record<"deploymentBase" | "confirmationBase" | "cancelAction" | "configData", string>>;

export class DdiDevice {
  private constructor(
    private readonly server: Windlass,
    readonly name: string,
    private readonly token: string,
  ) {}

  /** Lets devices in by their own tokens, once for a server. */
  static async allow(server: Windlass): Promise<void> {
    const values = { "authentication.targettoken.enabled": true };
    await server.must("PUT", "/settings/hawkbit", { values });
  }

  /** Registers one, and has it say which version it runs; its type says where that shows. */
  static async make(server: Windlass, name: string, fw: string, type = "pump"): Promise<DdiDevice> {
    await server.must("POST", "/devices", { name, type });
    const { token } = await server.must<{ token: string }>("PUT", `/devices/${name}/token`, {});
    const device = new DdiDevice(server, name, token);
    await device.runs(fw);
    return device;
  }

  /** Tells what it runs. */
  async runs(fw: string): Promise<void> {
    expect((await this.send("PUT", "/configData", { data: { fw } })).status).toBe(200);
  }

  /** What it is told to look at. */
  async links(): Promise<Links> {
    const answer = await this.send("GET", "");
    expect(answer.status).toBe(200);
    const { _links } = (await answer.json()) as { _links: Record<string, { href: string }> };
    return Object.fromEntries(Object.entries(_links).map(([name, { href }]) => [name, href]));
  }

  /** Polls until it is told to look at something; gives the number of the action. */
  async told(what: "deploymentBase" | "confirmationBase" | "cancelAction"): Promise<number> {
    const end = Date.now() + 30_000;
    for (;;) {
      const found = /\/(\d+)(\?|$)/.exec((await this.links())[what] ?? "");
      if (found) return Number(found[1]);
      if (Date.now() > end) throw new Error(`${this.name} was never told of ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Reports on an update: `proceeding`, or `closed` with how it ended. */
  async says(action: number, execution: string, finished = "none"): Promise<void> {
    await this.feedback("deploymentBase", action, { execution, result: { finished }, details: ["said so"] });
  }

  /** Answers the question to stop: `rejected` goes on, `closed` has stopped. */
  async answersToStop(action: number, execution: "rejected" | "closed"): Promise<void> {
    const details = execution === "rejected" ? ["the flash is being written"] : [];
    await this.feedback("cancelAction", action, { execution, result: { finished: "success" }, details });
  }

  /** Its user agrees. */
  async agrees(action: number): Promise<void> {
    const said = { confirmation: "confirmed", code: 200, details: ["the user pressed yes"] };
    const answer = await this.send("POST", `/confirmationBase/${action}/feedback`, said);
    expect(answer.status, await answer.text()).toBe(200);
  }

  private async feedback(base: string, action: number, status: object): Promise<void> {
    const answer = await this.send("POST", `/${base}/${action}/feedback`, { id: String(action), status });
    expect(answer.status, await answer.text()).toBe(200);
  }

  private send(method: string, rest: string, body?: object): Promise<Response> {
    return fetch(`${this.server.url}/DEFAULT/controller/v1/${this.name}${rest}`, {
      method,
      headers: { authorization: `TargetToken ${this.token}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }
}
