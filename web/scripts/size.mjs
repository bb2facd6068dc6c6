// Adds up what a first visit to the overview loads, compressed, and holds it against the budget.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const BUDGET = 300 * 1024;
const FIRST_VISIT = ["index.html", "src/screens/overview/Overview.tsx"];

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(await readFile(new URL("manifest.json", dist), "utf8"));
const files = new Set(["index.html", "scheme.js"]);
const walk = (key) => {
  const entry = manifest[key];
  if (!entry) throw new Error(`dist/manifest.json does not know ${key}; run \`npm run build\``);
  if (files.has(entry.file)) return;
  files.add(entry.file);
  for (const sheet of entry.css ?? []) files.add(sheet);
  for (const next of entry.imports ?? []) walk(next);
};
FIRST_VISIT.forEach(walk);

let total = 0;
for (const file of [...files].sort()) {
  const bytes = gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length;
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first visit, gzip, of at most ${BUDGET}`);
if (total > BUDGET) {
  console.error("The first visit is over its budget.");
  process.exit(1);
}
