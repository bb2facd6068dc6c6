import classes from "./ui.module.css";
import { words } from "./format";

export type Tone = "good" | "busy" | "warn" | "bad" | "off";

/** A state as a coloured dot and a word: the colour never carries the meaning alone. */
export function Status({ tone, children, title }: { tone: Tone; children: string; title?: string }) {
  return (
    <span className={classes.status} title={title}>
      <span className={classes.dot} data-tone={tone} aria-hidden="true" />
      {children}
    </span>
  );
}

const TONES: Record<string, Tone> = {
  connected: "good",
  reachable: "good",
  overdue: "warn",
  never: "off",
  registered: "off",
  active: "good",
  suspended: "warn",
  decommissioned: "off",
  pending: "busy",
  superseded: "off",
  revoked: "bad",
  expired: "bad",
  awaitingApproval: "warn",
  denied: "off",
  scheduled: "off",
  running: "busy",
  paused: "warn",
  halted: "bad",
  stopping: "warn",
  canceled: "off",
  completed: "good",
  queued: "off",
  inProgress: "busy",
  succeeded: "good",
  failed: "bad",
  rejected: "bad",
  timedOut: "bad",
  removed: "off",
  verified: "good",
  rolledBack: "bad",
  unverifiable: "good",
  open: "busy",
  verifying: "busy",
  skipped: "off",
  info: "off",
  warning: "warn",
  error: "bad",
  closed: "off",
  accepted: "good",
  ok: "good",
  problem: "bad",
  complete: "good",
  delivered: "good",
  waiting: "busy",
};

/** Any state that the API names, in its usual colour. */
export function StateOf({ state, title }: { state: string; title?: string }) {
  return (
    <Status tone={TONES[state] ?? "off"} title={title}>
      {words(state)}
    </Status>
  );
}
