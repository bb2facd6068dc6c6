/** A rollout's policy in words: what is not as plain as can be. Pure. */
import type { Schemas } from "../../kit/api";
import { span } from "../../kit/text";
import { absoluteTime, bytes, counted } from "../../ui/format";

type Policy = Schemas["Rollout"];
type Threshold = Schemas["FailureThreshold"];
type Timeouts = Schemas["Timeouts"];

const moment = (at: string) => absoluteTime(Date.parse(at)).slice(0, 16);

function handling(policy: Policy): string | null {
  switch (policy.handling ?? "forced") {
    case "forced":
      return null;
    case "soft":
      return "when the device likes";
    case "timeForced":
      return `when the device likes, at once from ${policy.forcedAt ? moment(policy.forcedAt) : "a time"} on`;
    case "downloadOnly":
      return "download only; nothing is installed";
  }
}

function order({ by, attribute, descending }: Schemas["Order"]): string | null {
  switch (by) {
    case "registered":
      return null;
    case "random":
      return "by chance";
    case "attribute":
      return `by ${attribute ?? ""}, ${descending ? "highest" : "lowest"} first`;
    case "spread":
      return `spread over ${attribute ?? ""}`;
  }
}

/** "more than 2 devices fail, or more than 10% of at least 20 fail", "a device fails". */
export function thresholdWords(threshold: Threshold): string {
  const { count, percent, minimum } = threshold;
  const least = minimum !== undefined && minimum > 1 ? ` of at least ${minimum}` : "";
  return [
    count == null ? null : tooMany(count),
    percent == null ? null : `more than ${percent}%${least} fail`,
  ]
    .filter((it) => it !== null)
    .join(", or ");
}

/** "a device fails", "more than 3 devices fail". */
export const tooMany = (count: number): string =>
  count === 0 ? "a device fails" : `more than ${counted(count, "device")} ${count === 1 ? "fails" : "fail"}`;

/** "1 d to begin, 10 min to download, 2 h to install". */
export function timeoutWords(timeouts: Timeouts): string {
  const { queuedSeconds, downloadSeconds, inProgressSeconds, verifySeconds } = timeouts;
  const phases: [number | null | undefined, string][] = [
    [queuedSeconds, "begin"],
    [downloadSeconds, "download"],
    [inProgressSeconds, downloadSeconds == null ? "finish" : "install"],
    [verifySeconds, "show the new version"],
  ];
  return phases
    .flatMap(([seconds, what]) => (seconds == null ? [] : [`${span(seconds)} to ${what}`]))
    .join(", ");
}

/** Names and what holds, in the order in which it matters. */
export function policyFacts(
  policy: Policy,
  threshold?: Threshold | null,
  timeouts?: Timeouts,
): [name: string, value: string][] {
  const { window, downloadRate, backoff, continuous } = policy;
  const facts: [string, string | null][] = [
    ["Devices install it", handling(policy)],
    [
      "Maintenance window",
      window
        ? `${window.schedule} for ${span(window.durationSeconds)}, by ${window.timezone ?? "each device’s own clock"}`
        : null,
    ],
    ["Ends", policy.endsAt ? moment(policy.endsAt) : null],
    ["Next wave when", policy.successPercent == null ? null : `${policy.successPercent}% of one succeeded`],
    ["Stops when", threshold ? thresholdWords(threshold) : null],
    ["A device has", timeouts ? timeoutWords(timeouts) : null],
    ["Order", policy.order ? order(policy.order) : null],
    ["At once", policy.concurrency == null ? null : `at most ${counted(policy.concurrency, "device")}`],
    [
      "Download rate",
      downloadRate
        ? `${bytes(downloadRate.bytesPerSecond)} a second${downloadRate.by ? ` for each ${downloadRate.by}` : ""}`
        : null,
    ],
    ["Priority", policy.priority === undefined || policy.priority === 1000 ? null : String(policy.priority)],
    ["Other updates", policy.supersede ? "it takes the place of those not begun" : null],
    ["Older versions", policy.allowDowngrade ? "may be installed over newer ones" : null],
    ["Consent", policy.consent ? "the user of each device must agree" : null],
    ["Approval", policy.approval ? "of a second person" : null],
    [
      "Later devices",
      continuous ? `join when they match, ${counted(continuous.waveSize, "device")} at most in a wave` : null,
    ],
    [
      "Tries again",
      backoff
        ? `after ${span(backoff.firstSeconds)}, each pause twice the one before${
            backoff.codes?.length ? `, only after ${backoff.codes.join(", ")}` : ""
          }`
        : null,
    ],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}
