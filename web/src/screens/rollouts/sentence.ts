/** What a rollout will do, in one sentence. Pure. */
import { absoluteTime, counted } from "../../ui/format";
import { timeoutWords, tooMany } from "./policy";
import { localTime, wavesOf, type Draft, type WaveDraft } from "./draft";
import { timeouts } from "./request";

const moment = (local: string) => {
  const at = localTime(local);
  return at === null ? "a time to be chosen" : absoluteTime(at).slice(0, 16);
};

const waveWords = (wave: WaveDraft) => {
  const size = wave.by === "count" ? counted(Number(wave.size), "device") : `${wave.size}%`;
  const which = wave.query.trim() === "" ? "" : ` of ${wave.query.trim()}`;
  return `${size}${which}${wave.pauseAfter ? " and a pause" : ""}`;
};

function begin(draft: Draft): string {
  const conditions = [
    draft.approval ? "somebody else has approved it" : null,
    draft.begin === "manually" ? "you start it" : null,
  ].filter((it) => it !== null);
  const after = conditions.length === 0 ? "" : `Once ${conditions.join(" and ")}`;
  if (draft.begin === "at")
    return after === ""
      ? `On ${moment(draft.beginAt)} Windlass will`
      : `${after}, but not before ${moment(draft.beginAt)}, Windlass will`;
  return after === "" ? "Windlass will now" : `${after}, Windlass will`;
}

function act(draft: Draft, devices: string): string {
  if (draft.what === "document") return `hand your document to ${devices}`;
  const release = draft.release.replace("@", " ");
  switch (draft.handling) {
    case "forced":
      return `install ${release} on ${devices}`;
    case "soft":
      return `offer ${release} to ${devices}, which install it when they like`;
    case "timeForced":
      return `offer ${release} to ${devices}, which install it when they like and at once from ${moment(draft.forcedAt)} on`;
    case "downloadOnly":
      return `have ${devices} download ${release} without installing it`;
  }
}

/** The sentence. `matching`: how many devices match now. */
export function summary(draft: Draft, matching: number): string {
  const waves = wavesOf(draft);
  const settled =
    draft.success === ""
      ? "when the one before is settled"
      : `when ${draft.success}% of the one before succeeded`;
  const how =
    waves.length === 0
      ? "all at once"
      : `${waves.map(waveWords).join(", then ")}, then the rest, each wave ${settled}`;
  const conditions = [
    draft.window ? "only while a maintenance window is open" : null,
    draft.consent ? "after the user of each device has agreed" : null,
    draft.concurrency === "" ? null : `at most ${counted(draft.concurrency, "device")} at a time`,
    draft.continuous ? "and later each device that comes to match" : null,
  ]
    .filter((it) => it !== null)
    .map((it) => `, ${it}`)
    .join("");
  const stops = [
    draft.failures === "" ? null : tooMany(draft.failures),
    draft.failuresPercent === "" ? null : `more than ${draft.failuresPercent}% of a wave fail`,
  ].filter((it) => it !== null);
  const stop = stops.length === 0 ? "never stop by itself" : `stop as soon as ${stops.join(" or ")}`;
  const end = draft.endAt === "" ? "" : ` and end on ${moment(draft.endAt)}`;
  const times = timeoutWords(timeouts(draft) ?? {});
  const limit = times === "" ? "" : ` A device has ${times}.`;
  return `${begin(draft)} ${act(draft, counted(matching, "device"))}: ${how}${conditions}; it will ${stop}${end}.${limit}`;
}
