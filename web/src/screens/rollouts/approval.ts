/** What people are told of something that waits for a second person. The server says who may decide; this finds the words. */
import type { Schemas } from "../../kit/api";
import { capital, sentence } from "../../ui/format";

/** What there is to say besides that it waits; `maker` is who asked for it. */
export function approvalWords({ may, why }: Schemas["Approval"], maker: string): string {
  if (may === "both")
    return `${capital(maker)} asked for it. No device gets it before you or somebody else approves it.`;
  return sentence(why ?? "somebody else must approve it");
}
