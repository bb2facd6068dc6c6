// Times, sizes and counts as people read them. Pure.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "4 min ago", "in 3 h"; days beyond that. `now` and `at` in milliseconds. */
export function relativeTime(at: number, now: number): string {
  const gap = now - at;
  const size = Math.abs(gap);
  if (size < 5 * SECOND) return "just now";
  const words = span(size);
  return gap >= 0 ? `${words} ago` : `in ${words}`;
}

/** A length of time in its largest unit: "45 s", "12 min", "3 h", "9 d", "2 y". */
export function span(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  if (ms < 730 * DAY) return `${Math.floor(ms / DAY)} d`;
  return `${Math.floor(ms / (365 * DAY))} y`;
}

/** "2026-11-25 16:55:31" in the reader's own time zone. */
export function absoluteTime(at: number): string {
  const d = new Date(at);
  const two = (n: number) => String(n).padStart(2, "0");
  return (
    `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
    `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
  );
}

/** With a capital at its beginning. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A remark as a sentence: it begins with a capital and ends with a full stop. */
export const sentence = (text: string): string => {
  const begun = capital(text);
  return /[.!?…]$/.test(begun) || begun === "" ? begun : `${begun}.`;
};

/** A sentence of the server with its times as people here read them: in their own zone, to the minute. */
export const withTimes = (text: string): string =>
  text.replace(
    /\b(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)Z| (\d{2}:\d{2}) UTC\b)/g,
    (_, day: string, exact?: string, told?: string) =>
      absoluteTime(Date.parse(`${day}T${exact ?? told}Z`)).slice(0, 16),
  );

/** "512 B", "1.5 KiB", "3.2 GiB". */
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${n} B` : `${value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const grouped = new Intl.NumberFormat("en-US");

/** "1,234,567". */
export const count = (n: number): string => grouped.format(n);

/** "1 device", "1,000 devices". */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** A measured value, short. */
export function measured(value: number | boolean | string): string {
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return grouped.format(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e9)) return value.toExponential(3);
  return String(Number(value.toPrecision(6)));
}

/** "inProgress" → "in progress". */
export const words = (camel: string): string =>
  camel.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
