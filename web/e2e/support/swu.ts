/** Files as SWUpdate reads them: a cpio archive (newc with checksums) that begins with its description. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import type { Windlass } from "./windlass";

const openssl = (...args: string[]) => promisify(execFile)("openssl", args);

/** Who signs images: a key and its certificate, among a server's files. */
export class Signer {
  private constructor(
    private readonly server: Windlass,
    private readonly name: string,
    readonly certificate: string,
  ) {}

  static async make(server: Windlass, name: string): Promise<Signer> {
    const [key, certificate] = [server.file(`${name}.key`), server.file(`${name}.pem`)];
    await openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", `/CN=${name}`],
      ...["-addext", "extendedKeyUsage=emailProtection", "-addext", "keyUsage=digitalSignature"],
      ...["-keyout", key, "-out", certificate],
    );
    return new Signer(server, name, await readFile(certificate, "utf8"));
  }

  /** An image whose description this one signed. */
  async swu(version: string, hardware: string): Promise<Buffer> {
    const of = (end: string) => this.server.file(`${this.name}.${end}`);
    const text = description(version, hardware);
    await writeFile(of("description"), text);
    await openssl(
      ...["cms", "-sign", "-in", of("description"), "-out", of("signature"), "-outform", "DER"],
      ...["-signer", of("pem"), "-inkey", of("key"), "-nosmimecap", "-binary"],
    );
    return archive([
      ["sw-description", Buffer.from(text)],
      ["sw-description.sig", await readFile(of("signature"))],
      IMAGE,
    ]);
  }
}

const IMAGE: Member = ["rootfs.ext4", Buffer.from("not much of a file system")];
const DIGEST = createHash("sha256").update(IMAGE[1]).digest("hex");

/** An unsigned image with one description. */
export const swu = (version: string, hardware: string): Buffer =>
  archive([["sw-description", Buffer.from(description(version, hardware))], IMAGE]);

const description = (version: string, hardware: string) => `software =
{
  version = "${version}";
  hardware-compatibility: [ "${hardware}" ];
  images: ( { filename = "rootfs.ext4"; device = "/dev/null"; sha256 = "${DIGEST}"; } );
}
`;

type Member = [name: string, bytes: Buffer];

function archive(members: Member[]): Buffer {
  const all = [...members, ["TRAILER!!!", Buffer.alloc(0)] as const];
  return Buffer.concat(all.flatMap(([name, bytes], at) => member(name, bytes, at + 1)));
}

function member(name: string, bytes: Buffer, inode: number): Buffer[] {
  const sum = bytes.reduce((total, byte) => (total + byte) >>> 0, 0);
  const fields = [inode, 0o100644, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length + 1, sum];
  const head = `070702${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return [padded(Buffer.from(head)), padded(bytes)];
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
