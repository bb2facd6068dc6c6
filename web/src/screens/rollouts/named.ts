/** How releases are called where a rollout tells of them. */

/** A release, and whether it is deleted since. */
export type NamedRelease = { name: string; version: string; deleted?: boolean };

/** A release as people say it, and that it is deleted. */
export const releaseWords = ({ name, version, deleted }: NamedRelease): string =>
  `${name} ${version}${deleted ? " (deleted)" : ""}`;
