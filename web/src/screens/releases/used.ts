/** What is lost with what is deleted, and what keeps a file. */
import type { Schemas } from "../../kit/api";
import { counted } from "../../ui/format";

/** How many rollouts used a release; nothing where the server does not say. */
export function usedByRollouts(jobs: number | null | undefined): string {
  if (jobs == null) return "";
  if (jobs === 0) return "No rollout used it.";
  return `${counted(jobs, "rollout")} used it: ${jobs === 1 ? "it goes" : "they go"} on saying so, and cannot try again.`;
}

/** The components that need a file while no release is made of them. */
export function componentsOnly(uses: Schemas["ArtifactUses"]): string {
  if (uses.releases.length > 0) return uses.more ? "and more" : "";
  const said = uses.components.map(({ name, version }) => `component ${name} ${version}`);
  return [...said, ...(uses.more ? ["and more"] : [])].join(", ");
}
