/** What a file's name says about a release: `pump-fw-2.0.0.bin` is `pump-fw` in version `2.0.0`. */
export function guess(file: string): { name: string; version: string } {
  const stem = file.replace(/(\.(tar|swu|raucb|bin|img|zip|gz|xz|zst|hex|elf|deb|ipk))+$/i, "");
  const match = /^(.*?)[-_ ]v?(\d[\w.+~-]*)$/.exec(stem);
  const clean = (text: string) => text.replaceAll(/[^A-Za-z0-9:_.+-]/g, "-").slice(0, 128);
  return match
    ? { name: clean(match[1] ?? ""), version: match[2] ?? "" }
    : { name: clean(stem), version: "" };
}
