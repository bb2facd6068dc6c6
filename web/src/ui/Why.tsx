import { Text } from "@mantine/core";
import { withTimes } from "./format";
import classes from "./ui.module.css";

/** Why something is as it is, and what to do about it, in the server's own sentences. */
export function Why({
  why,
  action,
  compact = false,
}: {
  why?: string | null;
  action?: string | null;
  compact?: boolean;
}) {
  if (!why && !action) return null;
  return (
    <div className={compact ? undefined : classes.why}>
      {why ? (
        <Text size="sm" className="anywhere">
          {withTimes(why)}
        </Text>
      ) : null}
      {action ? (
        <Text size="sm" className="anywhere" c="dimmed">
          {withTimes(action)}
        </Text>
      ) : null}
    </div>
  );
}
