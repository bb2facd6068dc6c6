/** Who may decide about a job that waits for a second person. The server decides; this offers only what it would take. */
import type { Schemas } from "../../kit/api";

type Me = Pick<Schemas["Me"], "kind" | "name" | "permissions">;
type Job = Pick<Schemas["Job"], "state" | "createdBy">;

/** `mine`: one's own, so that somebody else must; `open`: one may; `closed`: one's role may not; `null`: it waits for nobody. */
export function approvalOf(job: Job, me: Me): "mine" | "open" | "closed" | null {
  return job.state === "awaitingApproval" ? mayDecide(job.createdBy, me) : null;
}

/** The same for anything that somebody asked for. */
export function mayDecide(askedBy: string, me: Me): "mine" | "open" | "closed" {
  if (askedBy === `${me.kind} ${me.name}`) return "mine";
  return me.permissions.includes("job.approve") ? "open" : "closed";
}

/** What there is to say to whom, besides that it waits. */
export function approvalWords(job: Job, me: Me): string | null {
  switch (approvalOf(job, me)) {
    case "mine":
      return "You made it, so you cannot approve it yourself: another administrator or operator must approve or deny it.";
    case "open":
      return `${job.createdBy} made it. No device gets it before you or somebody else approves it.`;
    case "closed":
      return `Your role does not allow it: an administrator or operator other than ${job.createdBy} must approve or deny it.`;
    case null:
      return null;
  }
}
