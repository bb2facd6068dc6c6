// Makes `src/api/schema.d.ts` from the server's OpenAPI document; with `--check` only says whether it is current.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const document = new URL("../../docs/openapi.json", import.meta.url);
const target = new URL("../src/api/schema.d.ts", import.meta.url);
const head = "// Made from docs/openapi.json by `npm run client`. Do not edit.\n\n";
const made = head + astToString(await openapiTS(document, { defaultNonNullable: false }));

if (process.argv.includes("--check")) {
  const present = await readFile(target, "utf8").catch(() => "");
  if (present !== made) {
    console.error("src/api/schema.d.ts is not what docs/openapi.json says. Run `npm run client`.");
    process.exit(1);
  }
  console.log("src/api/schema.d.ts is current.");
} else {
  await writeFile(target, made);
  console.log("src/api/schema.d.ts written.");
}
