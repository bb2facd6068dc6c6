import { defineConfig } from "vitest/config";

/** Not a test: makes the pictures of `docs/screenshots`. */
export default defineConfig({
  root: import.meta.dirname,
  test: { include: ["screenshots.shot.ts"], environment: "node", reporters: ["verbose"] },
});
