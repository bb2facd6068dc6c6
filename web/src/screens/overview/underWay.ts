// Which jobs are under way, asked for by state: among the newest jobs there may be none that the one who asks may see.
import type { Page, Schemas } from "../../api/client";

type Job = Schemas["Job"];
type State = Schemas["JobState"];

/** Those that are neither over nor denied. */
const UNDER_WAY: State[] = ["awaitingApproval", "scheduled", "running", "paused", "halted", "stopping"];

/** Most jobs of a state that are told. */
export const AT_ONCE = 100;
/** Most pages of a state: each looks at a thousand jobs where the one who asks sees few of them. */
const PAGES = 10;

/** Jobs of one state, newest first, and whether that is all there are or as many as are wanted. */
async function inState(state: State, load: Load): Promise<{ jobs: Job[]; isWhole: boolean }> {
  const jobs: Job[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const found = await load(state, cursor);
    jobs.push(...found.items);
    cursor = found.cursor ?? undefined;
    if (cursor === undefined || jobs.length >= AT_ONCE) {
      return { jobs, isWhole: true };
    }
  }
  return { jobs, isWhole: false };
}

type Load = (state: State, cursor: string | undefined) => Promise<Page<Job>>;

/** Every job that is under way, newest first, up to a bound for each state. `isWhole`: none is there that was not looked at. */
export async function underWay(load: Load): Promise<{ jobs: Job[]; isWhole: boolean }> {
  const all = await Promise.all(UNDER_WAY.map((state) => inState(state, load)));
  return {
    jobs: all.flatMap((found) => found.jobs).sort((a, b) => b.id - a.id),
    isWhole: all.every((found) => found.isWhole),
  };
}
