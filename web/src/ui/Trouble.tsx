import { Button, Text } from "@mantine/core";
import { asProblem } from "../api/client";
import { Note } from "./Note";

interface TroubleProps {
  error: unknown;
  /** Offers to try again; only for what may be repeated. */
  onRetry?: () => void;
}

/** What went wrong, in the server's words, with the id that finds it in the server's log. */
export function Trouble({ error, onRetry }: TroubleProps) {
  if (!error) return null;
  const problem = asProblem(error);
  const ended = problem.status === 401;
  return (
    <Note role="alert" tone="bad" title={ended ? "You are signed out" : problem.title}>
      <Text size="sm" className="anywhere">
        {ended
          ? "Nothing was changed. Sign in, then do it again: what you wrote is still here."
          : problem.detail}
      </Text>
      {problem.fields.length > 1 ? (
        <ul>
          {problem.fields.map((field) => (
            <li key={`${field.field} ${field.problem}`} className="anywhere">
              {field.field}: {field.problem}
            </li>
          ))}
        </ul>
      ) : null}
      {problem.requestId ? (
        <Text size="xs" c="dimmed" mt={4}>
          Request {problem.requestId}
        </Text>
      ) : null}
      {onRetry ? (
        <Button size="xs" variant="default" mt="xs" onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </Note>
  );
}
