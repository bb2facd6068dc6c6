import { Tooltip } from "@mantine/core";
import { useLiveState } from "../api/live";
import { Status } from "../ui/Status";
import type { Tone } from "../ui/Status";

const WORDS: Record<ReturnType<typeof useLiveState>, [Tone, string, string]> = {
  live: ["good", "Live", "What you see follows the server as it changes"],
  connecting: ["busy", "Connecting", "Connecting to the server"],
  waiting: ["warn", "Not live", "The server cannot be heard; trying again. What you see may be old"],
  off: ["off", "Paused", "Changes are not followed while this page is hidden"],
};

/** Whether what is shown follows the server. */
export function LiveDot() {
  const [tone, word, meaning] = WORDS[useLiveState()];
  return (
    <Tooltip label={meaning}>
      <span role="status" aria-label={`${word}: ${meaning}`} style={{ fontSize: 12.5 }}>
        <Status tone={tone}>{word}</Status>
      </span>
    </Tooltip>
  );
}
