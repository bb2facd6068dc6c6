/** What a file's name says about a release: `pump-fw-2.0.0.bin` is `pump-fw` in version `2.0.0`. */
export function guess(file: string): { name: string; version: string } {
  const stem = file
    .normalize("NFC")
    .replace(/(\.(tar|swu|raucb|bin|img|zip|gz|xz|zst|hex|elf|deb|ipk))+$/i, "");
  const match = /^(.*?)[-_ ]v?(\d[\w.+~-]*)$/.exec(stem);
  return match
    ? { name: named(match[1] ?? ""), version: match[2] ?? "" }
    : { name: named(stem), version: "" };
}

/** A name in any script, without what the server takes in none. */
function named(text: string): string {
  const plain = text.replaceAll(/[\p{C}/@<>]|(?! )\p{Z}/gu, "-").trim();
  return [...plain].slice(0, 128).join("").trimEnd();
}
