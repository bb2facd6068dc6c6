import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { gatherNeeds, nothingWords } from "./needs";

type Alert = Schemas["Alert"];
type Pending = Schemas["Pending"];

const alert = (change: Partial<Alert>): Alert => ({
  id: 1,
  kind: "deviceOverdue",
  severity: "warning",
  state: "open",
  subject: "pump-1 is overdue",
  detail: "",
  action: "",
  openedAt: "2026-01-01T00:00:00Z",
  lastAt: "2026-01-01T00:00:00Z",
  count: 1,
  ...change,
});
const job = (change: object) =>
  ({ id: 7, state: "halted", createdAt: "2026-01-02T00:00:00Z", ...change }) as Schemas["Job"];
const pending = (change: object) =>
  ({
    id: 3,
    name: "pump-9",
    reason: "has a credential",
    firstAt: "2026-01-03T00:00:00Z",
    ...change,
  }) as Pending;

describe("gatherNeeds", () => {
  it("puts what is worst first, and the oldest of those", () => {
    const needs = gatherNeeds([alert({}), alert({ id: 2, severity: "error" })], [job({})], [pending({})], []);
    expect(needs.map((need) => need.key)).toEqual(["alert 2", "job 7", "alert 1", "pending 3"]);
  });
  it("says once what an alert speaks of already", () => {
    const needs = gatherNeeds(
      [alert({ job: 7 }), alert({ id: 2, pending: 3 })],
      [job({})],
      [pending({})],
      [],
    );
    expect(needs.map((need) => need.key)).toEqual(["alert 1", "alert 2"]);
  });
  it("asks the second person that a rollout waits for, and nobody whom the server would refuse", () => {
    const waiting = job({ state: "awaitingApproval", createdBy: "user admin" });
    expect(gatherNeeds([], [{ ...waiting, approval: { may: "both" } }], [], [])[0]).toMatchObject({
      title: "Job 7 waits for approval",
      detail: "Made by user admin; look at it, then approve or deny it.",
      href: "/jobs/7",
    });
    for (const may of ["deny", "neither"] as const)
      expect(gatherNeeds([], [{ ...waiting, approval: { may } }], [], [])).toEqual([]);
  });
  it("asks whoever may deny it about what nobody may approve", () => {
    const why = "Nobody can tell who made job 7, so nobody can approve it; deny it, and make it again.";
    const approval = { may: "deny", nobodyApproves: true, why } as const;
    const auto = { id: 4, name: "pumps", askedBy: "token ci", changedAt: "2026-01-03T00:00:00Z", approval };
    const needs = gatherNeeds(
      [],
      [job({ state: "awaitingApproval", createdBy: "token ci", approval })],
      [],
      [auto as Schemas["AutoAssignment"]],
    );
    expect(needs.map((need) => [need.key, need.detail])).toEqual([
      ["job 7", why],
      ["auto assignment 4", why],
    ]);
  });
  it("tells of a rollout that paused by itself, and not of one that somebody paused", () => {
    const paused = job({ state: "paused", reason: "pauses after wave 1" });
    expect(gatherNeeds([], [paused, job({ id: 8, state: "paused" })], [], [])).toMatchObject([
      { title: "Job 7 has paused", detail: "Pauses after wave 1. Somebody has to resume or cancel it." },
    ]);
  });
  it("asks the second person that an auto assignment waits for, and nobody else", () => {
    const waiting = { name: "pumps", state: "waitingForApproval", askedBy: "user anna" };
    const one = { ...waiting, id: 4, approval: { may: "both" } };
    const own = { ...waiting, id: 6, approval: { may: "neither" } };
    const running = { ...waiting, id: 5, state: "running" };
    expect(gatherNeeds([], [], [], [one, own, running] as Schemas["AutoAssignment"][])).toMatchObject([
      {
        title: "Auto assignment pumps waits for approval",
        detail: "User anna asked for it; look at it, then approve or deny it.",
        href: "/auto-assignments",
      },
    ]);
  });
  it("leaves out what somebody has acknowledged, and jobs that run", () => {
    const taken = alert({ acknowledgedAt: "2026-01-01T01:00:00Z" });
    expect(gatherNeeds([taken], [job({ state: "running" })], [], [])).toEqual([]);
  });
});

it("names only what was looked at when nothing needs anybody", () => {
  expect(nothingWords({ alerts: true, jobs: true, pending: true, assignments: true })).toBe(
    "Nothing. No open alert, no rollout that is halted, has paused or waits for your approval, no auto assignment that waits for your approval, no waiting device.",
  );
  expect(nothingWords({ alerts: false, jobs: false, pending: true, assignments: false })).toBe(
    "Nothing. No waiting device.",
  );
});
