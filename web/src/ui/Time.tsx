import { useNow } from "../api/live";
import { absoluteTime, relativeTime } from "./format";

/** A moment, relative to now; the exact time on hover and for screen readers. */
export function Time({ at, exact = false }: { at?: string | null; exact?: boolean }) {
  const now = useNow();
  if (!at) return <span className="quiet">–</span>;
  const ms = Date.parse(at);
  const full = absoluteTime(ms);
  return (
    <time dateTime={at} title={full}>
      {exact ? full : relativeTime(ms, now)}
    </time>
  );
}
