import { defineConfig } from "vitest/config";

/** Journeys through the console in Chromium, against the real program. One file at a time: two cores must do. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: ["*.e2e.ts"],
    environment: "node",
    testTimeout: 90_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: ["verbose"],
  },
});
