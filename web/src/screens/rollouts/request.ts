/** What the server is asked for, from a draft that misses nothing. Pure but for the browser's time zone. */
import type { Schemas } from "../../kit/api";
import { isIn } from "../../ui/form";
import {
  localTime,
  namesIn,
  START,
  targetQuery,
  wavesOf,
  type Draft,
  type Maybe,
  type WaveDraft,
} from "./draft";

type NewJob = Schemas["NewJob"];
type Policy = NonNullable<NewJob["rollout"]>;
type Threshold = Schemas["FailureThreshold"];

/** Never longer than this between two tries. */
const LONGEST_PAUSE_SECONDS = 86_400;

/** An RFC 3339 time from the browser's field. */
const time = (local: string) => new Date(localTime(local) ?? 0).toISOString();

/** A member of that name, where there is a value for it. */
const given = <K extends string, V>(name: K, value: V | "" | null | undefined | false) =>
  value === "" || value === null || value === undefined || value === false
    ? {}
    : ({ [name]: value } as Record<K, V>);

function targets(draft: Draft): NewJob["targets"] {
  const value = draft.target.trim();
  // What matches later is found by a query, whatever was chosen.
  if (draft.continuous) return { query: targetQuery(draft.targetKind, draft.target) ?? "" };
  switch (draft.targetKind) {
    case "devices":
      return { devices: namesIn(draft.target) };
    case "type":
      return { type: value };
    case "tag":
      return { tag: value };
    case "group":
      return { group: value };
    case "query":
      return { query: value };
  }
}

function threshold(count: Maybe, percent: Maybe, minimum: Maybe): Threshold | undefined {
  if (count === "" && percent === "") return undefined;
  return { ...given("count", count), ...given("percent", percent), ...given("minimum", minimum) };
}

const size = (wave: WaveDraft): Schemas["WaveSize"] =>
  wave.by === "count" ? { count: Number(wave.size) } : { percent: Number(wave.size) };

const terms = (wave: WaveDraft): Schemas["WaveTerms"] => ({
  ...given("query", wave.query.trim()),
  ...given("successPercent", wave.success),
  ...given("failureThreshold", threshold(wave.failures, wave.failuresPercent, wave.minimum)),
  pauseAfter: wave.pauseAfter,
});

function order(draft: Draft): Schemas["Order"] {
  const attribute = draft.orderBy.trim();
  switch (draft.order) {
    case "registered":
    case "random":
      return { by: draft.order };
    case "ascending":
    case "descending":
      return { by: "attribute", attribute, descending: draft.order === "descending" };
    case "spread":
      return { by: "spread", attribute };
  }
}

function timezone(draft: Draft): string | undefined {
  switch (draft.zone) {
    case "device":
      return undefined;
    case "utc":
      return "UTC";
    case "here":
      return Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
}

/** How long each phase may last; only an update is downloaded by itself and seen running. */
export function timeouts(draft: Draft): NewJob["timeouts"] {
  const seconds = (minutes: Maybe) => minutes !== "" && Math.round(60 * minutes);
  const update = draft.what === "release";
  return {
    ...given("queuedSeconds", seconds(draft.pickUpMinutes)),
    ...given("downloadSeconds", update && seconds(draft.downloadMinutes)),
    ...given("inProgressSeconds", seconds(draft.workMinutes)),
    ...given("verifySeconds", update && seconds(draft.showMinutes)),
  };
}

/** Only what differs from the plainest rollout. */
function policy(draft: Draft): Policy {
  const update = draft.what === "release";
  const waves = wavesOf(draft);
  return {
    ...(update
      ? {
          handling: draft.handling,
          ...given("forcedAt", draft.handling === "timeForced" && time(draft.forcedAt)),
          ...given("supersede", draft.supersede),
          ...given("consent", draft.consent),
          ...given("allowDowngrade", draft.downgrade),
          ...given(
            "window",
            draft.window && {
              schedule: draft.schedule.trim(),
              durationSeconds: Math.round(60 * Number(draft.windowMinutes)),
              ...given("timezone", timezone(draft)),
            },
          ),
          ...given(
            "downloadRate",
            draft.rateKib !== "" && {
              bytesPerSecond: 1024 * draft.rateKib,
              ...given("by", draft.rateBy.trim()),
            },
          ),
        }
      : {}),
    ...given("priority", draft.priority),
    ...given("endsAt", draft.endAt && time(draft.endAt)),
    ...given("concurrency", draft.concurrency),
    ...given("order", draft.order !== START.order && order(draft)),
    ...given("successPercent", draft.success),
    ...given("waveTerms", draft.plan === "own" && waves.map(terms)),
    ...given("continuous", draft.continuous && { waveSize: Number(draft.laterSize) }),
    ...given("approval", draft.approval),
    ...given(
      "backoff",
      (draft.retryMinutes !== "" || draft.retryCodes.length > 0) && {
        firstSeconds: Math.max(1, Math.round(60 * Number(draft.retryMinutes))),
        longestSeconds: LONGEST_PAUSE_SECONDS,
        codes: draft.retryCodes,
      },
    ),
  };
}

const WHAT_AND_WHOM = ["kind", "release", "document", "force", "targets"];

/** The step of the form in which the first thing is asked for that was refused; `null` where none of it was. */
export function stepOf(refused: { field: string }[]): 0 | 1 | null {
  const asked = refused.filter(({ field }) => field !== "description");
  if (asked.length === 0) return null;
  return asked.some(({ field }) => WHAT_AND_WHOM.some((name) => isIn(field, name))) ? 0 : 1;
}

export function toJob(draft: Draft): NewJob {
  const at = draft.release.indexOf("@");
  const times = timeouts(draft);
  return {
    kind: draft.what === "release" ? "update" : "custom",
    description: draft.description.trim(),
    targets: targets(draft),
    ...(draft.what === "release"
      ? {
          release: { name: draft.release.slice(0, at), version: draft.release.slice(at + 1) },
          force: draft.force,
        }
      : { document: JSON.parse(draft.document) as unknown }),
    waves: wavesOf(draft).map(size),
    ...given("failureThreshold", threshold(draft.failures, draft.failuresPercent, draft.minimum)),
    ...given("timeouts", times && Object.keys(times).length > 0 && times),
    retries: Number(draft.retries),
    begin: draft.begin === "at" ? { at: time(draft.beginAt) } : draft.begin,
    rollout: policy(draft),
  };
}
