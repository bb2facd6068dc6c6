/** What is lost with what is deleted, and what keeps a file. */
import type { Schemas } from "../../kit/api";
import { counted } from "../../ui/format";

/** How many rollouts used a release; nothing where the server does not say. */
export function usedByRollouts(jobs: number | null | undefined): string {
  if (jobs == null) return "";
  if (jobs === 0) return "No rollout used it.";
  const [go, say] = jobs === 1 ? ["it goes", "says"] : ["they go", "say"];
  return `${counted(jobs, "rollout")} used it: ${go} on saying so, but can neither try again nor be rolled back, and no longer ${say} how much was downloaded.`;
}

/** Why a file cannot be deleted; nothing where it can. */
export function whyKept(uses: Schemas["ArtifactUses"] | null | undefined): string | null {
  const [release] = uses?.releases ?? [];
  if (release) return `Release ${release.name} ${release.version} is made of it: delete that first.`;
  const [component] = uses?.components ?? [];
  return component
    ? `Component ${component.name} ${component.version} is made of it: delete that first.`
    : null;
}

/** The components that need a file while no release is made of them. */
export function componentsOnly(uses: Schemas["ArtifactUses"]): string {
  if (uses.releases.length > 0) return uses.more ? "and more" : "";
  const said = uses.components.map(({ name, version }) => `component ${name} ${version}`);
  return [...said, ...(uses.more ? ["and more"] : [])].join(", ");
}
