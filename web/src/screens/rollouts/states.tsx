/** How jobs are named, and how far they are. */
import { Progress, Text } from "@mantine/core";

import type { Schemas } from "../../kit/api";
import { counted } from "../../ui/format";
import { releaseWords, type NamedRelease } from "./named";

type Job = Schemas["Job"];
type Counts = Schemas["Counts"];

/** What a job is about, in a few words. */
export function jobTitle(job: Job): string {
  if (job.description) return job.description;
  if (job.release) return releaseWords(job.release);
  if (job.kind === "update") return "A release that was deleted";
  return job.command ? job.command.command : "A document of your own";
}

/** The release that it installs, as people say it, with the page that tells about it while it is there. */
export const releaseOf = ({ release }: { release?: NamedRelease | null }) =>
  release && {
    words: releaseWords(release),
    to: release.deleted
      ? null
      : `/releases/${encodeURIComponent(release.name)}/${encodeURIComponent(release.version)}`,
  };

/** Where its devices stand, as one bar; the sentence beneath says the same in numbers. */
export function CountsBar({ counts, label }: { counts: Counts; label: string }) {
  const share = (part: number) => (counts.targets === 0 ? 0 : (100 * part) / counts.targets);
  const parts = [
    { name: "succeeded", value: counts.succeeded, color: "green" },
    { name: "verifying", value: counts.verifying, color: "cyan" },
    { name: "in progress", value: counts.inProgress, color: "blue" },
    { name: "queued", value: counts.queued, color: "indigo" },
    { name: "failed", value: counts.failed, color: "red" },
    { name: "canceled or skipped", value: counts.canceled + counts.skipped, color: "gray" },
  ].filter((part) => part.value > 0);
  const said = parts.map((part) => `${part.value.toLocaleString("en")} ${part.name}`).join(", ");
  return (
    <div>
      <Progress.Root size="md" role="img" aria-label={`${label}: ${said || "nothing yet"}`}>
        {parts.map((part) => (
          <Progress.Section
            key={part.name}
            value={share(part.value)}
            color={part.color}
            withAria={false}
            aria-hidden
          />
        ))}
      </Progress.Root>
      <Text size="xs" c="dimmed" mt={4}>
        {counted(counts.targets, "device")}
        {said ? `: ${said}` : ""}
        {counts.waiting > 0 ? `, ${counts.waiting.toLocaleString("en")} waiting` : ""}
      </Text>
    </div>
  );
}
