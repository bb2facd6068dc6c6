/** What is lost with what is deleted. */
import { counted } from "../../ui/format";

/** How many rollouts used a release; nothing where the server does not say. */
export function usedByRollouts(jobs: number | null | undefined): string {
  if (jobs == null) return "";
  if (jobs === 0) return "No rollout used it.";
  return `${counted(jobs, "rollout")} used it: ${jobs === 1 ? "it goes" : "they go"} on saying so, and cannot try again.`;
}
