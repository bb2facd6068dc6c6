import { expect, it } from "vitest";

import { releaseWords } from "../rollouts/named";
import { componentsOnly, usedByRollouts, whyKept } from "./used";

it("says how many rollouts a release is deleted under, and nothing where nobody knows", () => {
  expect(usedByRollouts(undefined)).toBe("");
  expect(usedByRollouts(0)).toBe("No rollout used it.");
  expect(usedByRollouts(1)).toBe(
    "1 rollout used it: it goes on saying so, but can neither try again nor be rolled back, and no longer says how much was downloaded.",
  );
  expect(usedByRollouts(3)).toBe(
    "3 rollouts used it: they go on saying so, but can neither try again nor be rolled back, and no longer say how much was downloaded.",
  );
});

it("calls a release that is deleted by its name", () => {
  expect(releaseWords({ name: "fw", version: "2", deleted: false })).toBe("fw 2");
  expect(releaseWords({ name: "fw", version: "2", deleted: true })).toBe("fw 2 (deleted)");
});

it("names the components of a file only where no release has it", () => {
  const components = [{ name: "boot", version: "1.4", type: "os" }];
  const releases = [{ name: "fw", version: "2" }];
  expect(componentsOnly({ components: [], releases: [], more: false })).toBe("");
  expect(componentsOnly({ components, releases: [], more: false })).toBe("component boot 1.4");
  expect(componentsOnly({ components, releases, more: false })).toBe("");
  expect(componentsOnly({ components, releases, more: true })).toBe("and more");
});

it("says which release or component keeps a file", () => {
  const components = [{ name: "boot", version: "1.4", type: "os" }];
  const releases = [{ name: "fw", version: "2" }];
  expect(whyKept({ components, releases, more: false })).toBe(
    "Release fw 2 is made of it: delete that first.",
  );
  expect(whyKept({ components, releases: [], more: false })).toBe(
    "Component boot 1.4 is made of it: delete that first.",
  );
  expect(whyKept({ components: [], releases: [], more: false })).toBeNull();
  expect(whyKept(undefined)).toBeNull();
});
