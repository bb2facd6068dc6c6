// Which wave a wave is, where earlier ones of a continuous job are told as one. Pure.
import type { Schemas } from "../../api/client";

type Wave = Schemas["Wave"];

/** The number of the last wave; there may be fewer in the list. */
export function lastWave(job: { waves: Pick<Wave, "number">[] }): number {
  return job.waves.at(-1)?.number ?? 0;
}

/** Its name, or its number with how many are told with it. */
export function waveName({ name, number, waves }: Pick<Wave, "name" | "number" | "waves">): string {
  const called = name || `Wave ${number}`;
  return waves > 1 ? `${called} and ${waves - 1} later` : called;
}
