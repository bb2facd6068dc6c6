/** A board with nothing but mosquitto's own client and the files of its connect card. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Windlass } from "./windlass";

const run = promisify(execFile);

/** What a board is handed. */
export type Files = { certificatePem: string; privateKeyPem: string; caPem: string };

/** One reading with mosquitto's own client, as the connect card says. */
export async function publish(server: Windlass, name: string, made: Files) {
  const directory = server.file(name);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "device.pem"), made.certificatePem);
  await writeFile(join(directory, "device.key"), made.privateKeyPem, { mode: 0o600 });
  await writeFile(join(directory, "ca.pem"), made.caPem);
  await run(
    "mosquitto_pub",
    [
      ...["-h", "localhost", "-p", String(server.devicePort), "-i", name, "-q", "1"],
      ...["--cafile", "ca.pem", "--cert", "device.pem", "--key", "device.key"],
      ...["-t", `devices/${name}/telemetry`, "-m", '{"temperature":21.5}'],
    ],
    { cwd: directory, timeout: 20_000 },
  );
}
