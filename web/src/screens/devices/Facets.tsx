// How many of the matching devices there are of each kind; a click narrows the query.
import { UnstyledButton } from "@mantine/core";
import { clauses, narrowed, plain, quoted } from "../../list/completion";
import { count, words } from "../../ui/format";
import classes from "./devices.module.css";

export const FACETS = ["presence", "type", "lifecycle", "tag"] as const;

type Counts = Record<string, { value: string; count: number }[]>;

export function Facets(props: { facets: Counts; query: string; onQuery: (query: string) => void }) {
  const asked = clauses(props.query);
  return (
    <aside className={classes.facets} aria-label="Narrow down">
      {FACETS.map((field) => {
        const values = (props.facets[field] ?? []).filter((value) => value.count > 0).slice(0, 8);
        if (values.length === 0) return null;
        return (
          <section key={field} className={classes.facet} aria-label={field}>
            <h2>{words(field)}</h2>
            {values.map(({ value, count: n }) => {
              const clause = value === "" ? `${field}=is=null` : `${field}==${quoted(value)}`;
              const same = (other: string) => plain(other) === plain(clause);
              const on = asked.some(same);
              return (
                <UnstyledButton
                  key={value}
                  className={classes.value}
                  aria-pressed={on}
                  onClick={() =>
                    props.onQuery(
                      on ? asked.filter((other) => !same(other)).join(";") : narrowed(props.query, clause),
                    )
                  }
                >
                  <span className="clip" dir="auto">
                    {value || "none"}
                  </span>
                  <span className={classes.count}>{count(n)}</span>
                </UnstyledButton>
              );
            })}
          </section>
        );
      })}
    </aside>
  );
}
