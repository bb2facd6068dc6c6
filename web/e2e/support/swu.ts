/** Files as SWUpdate reads them: a cpio archive (newc with checksums) that begins with its description. */

/** An unsigned image with one description. */
export function swu(version: string, hardware: string): Buffer {
  const description = `software =
{
  version = "${version}";
  hardware-compatibility: [ "${hardware}" ];
  images: ( { filename = "rootfs.ext4"; device = "/dev/null"; } );
}
`;
  return archive([
    ["sw-description", Buffer.from(description)],
    ["rootfs.ext4", Buffer.from("not much of a file system")],
  ]);
}

function archive(members: [name: string, bytes: Buffer][]): Buffer {
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
