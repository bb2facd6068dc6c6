import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Puts `.br` and `.gz` beside what is worth it; the server hands them to browsers that take them. */
function compressed(folder: string) {
  return {
    name: "compressed",
    apply: "build" as const,
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const file = join(folder, name);
        if (!/\.(js|css|html|svg)$/.test(name) || statSync(file).size < 1024) continue;
        const bytes = readFileSync(file);
        writeFileSync(`${file}.br`, brotliCompressSync(bytes));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

// A running server to develop against: `WINDLASS_URL=http://127.0.0.1:8080 npm run dev`.
const server = process.env.WINDLASS_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), compressed(join(import.meta.dirname, "dist"))],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "manifest.json",
    target: "es2022",
  },
  server: {
    host: "127.0.0.1",
    // The Host header stays what the browser sent, so that the server's check of Origin holds here too.
    proxy: { "/api": { target: server, secure: false } },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
