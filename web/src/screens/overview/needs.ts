// What needs somebody, most urgent first. Pure.
import type { Schemas } from "../../api/client";
import { sentence } from "../../ui/format";
import { releaseWords } from "../rollouts/named";

type Alert = Schemas["Alert"];
type Pending = Schemas["Pending"];

export interface Need {
  key: string;
  severity: Schemas["Severity"];
  title: string;
  detail: string;
  href: string;
  since: string;
}

const RANK: Record<Schemas["Severity"], number> = { error: 0, warning: 1, info: 2 };

/**
 * What whoever looks is to do about what waits for approval: decide, or deny what nobody may approve. Nothing where it is
 * for somebody else.
 */
function waits(approval: Schemas["Approval"] | null | undefined, maker: string): string | null {
  if (approval?.may === "both") return `${maker}; look at it, then approve or deny it.`;
  return approval?.may === "deny" && approval.nobodyApproves ? (approval.why ?? "Deny it.") : null;
}

/**
 * Alerts first say everything they know; what an alert speaks of already is not said twice. Of what waits for approval only
 * what whoever looks may approve, and what can only be denied.
 */
export function gatherNeeds(
  alerts: Alert[],
  jobs: Schemas["Job"][],
  pending: Pending[],
  assignments: Schemas["AutoAssignment"][],
): Need[] {
  const needs: Need[] = alerts
    .filter((alert) => !alert.acknowledgedAt)
    .map((alert) => ({
      key: `alert ${alert.id}`,
      severity: alert.severity,
      title: alert.subject,
      detail: [alert.detail, alert.action].filter(Boolean).join(" "),
      href: "/alerts",
      since: alert.openedAt,
    }));
  const toldJobs = new Set(alerts.map((alert) => alert.job).filter((job) => job != null));
  for (const job of jobs) {
    const what = job.release ? `Rollout of ${releaseWords(job.release)}` : `Job ${job.id}`;
    const of = { key: `job ${job.id}`, href: `/jobs/${job.id}`, since: job.startedAt ?? job.createdAt };
    if (job.state === "halted" && !toldJobs.has(job.id))
      needs.push({
        ...of,
        severity: "error",
        title: `${what} is halted`,
        detail: job.reason ?? "Too many devices failed. Look at the failures, then go on or cancel.",
      });
    // Whoever pauses a rollout knows of it; one that pauses by itself says why.
    if (job.state === "paused" && job.reason)
      needs.push({
        ...of,
        severity: "info",
        title: `${what} has paused`,
        detail: `${sentence(job.reason)} Somebody has to resume or cancel it.`,
      });
    const asked = waits(job.approval, `Made by ${job.createdBy}`);
    if (asked) needs.push({ ...of, severity: "info", title: `${what} waits for approval`, detail: asked });
  }
  for (const one of assignments) {
    const asked = waits(one.approval, `${sentence(one.askedBy).replace(/\.$/, "")} asked for it`);
    if (asked)
      needs.push({
        key: `auto assignment ${one.id}`,
        severity: "info",
        title: `Auto assignment ${one.name} waits for approval`,
        detail: asked,
        href: "/auto-assignments",
        since: one.changedAt,
      });
  }
  const toldPending = new Set(alerts.map((alert) => alert.pending).filter((id) => id != null));
  for (const entry of pending)
    if (!toldPending.has(entry.id))
      needs.push({
        key: `pending ${entry.id}`,
        severity: "warning",
        title: `${entry.name ?? "A device"} asks to be let in`,
        detail: entry.reason,
        href: "/provisioning",
        since: entry.firstAt,
      });
  return needs.sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.since < b.since ? -1 : 1));
}

/** That nothing needs anybody, naming no more than what was looked at. */
export function nothingWords(seen: {
  alerts: boolean;
  jobs: boolean;
  pending: boolean;
  assignments: boolean;
}): string {
  const parts = [
    seen.alerts ? "open alert" : null,
    seen.jobs ? "rollout that is halted, has paused or waits for your approval" : null,
    seen.assignments ? "auto assignment that waits for your approval" : null,
    seen.pending ? "waiting device" : null,
  ].filter((it) => it !== null);
  return `Nothing. ${sentence(parts.map((it) => `no ${it}`).join(", "))}`;
}
