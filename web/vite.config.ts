import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// A running server to develop against: `WINDLASS_URL=http://127.0.0.1:8080 npm run dev`.
const server = process.env.WINDLASS_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
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
