// A form that talks to the API: bad fields are shown at their inputs, everything else above the buttons, and what
// was written stays whatever happens.
import { useCallback, useState } from "react";
import { asProblem, type ProblemError } from "../api/client";

export interface ApiForm<V> {
  values: V;
  set(change: Partial<V>): void;
  reset(values: V): void;
  /** What is wrong with a field, by the API's name for it, or undefined. */
  fieldError(field: string): string | undefined;
  /** The problem, unless every part of it is shown at a field already. */
  problem: ProblemError | undefined;
  busy: boolean;
  submit(event?: { preventDefault(): void }): Promise<void>;
}

/** `fields` are the API's names of those that show their own error; `a` also covers `a.b` and `a[0]`. */
export function useApiForm<V extends object>(options: {
  initial: V;
  fields: string[];
  submit(values: V): Promise<void>;
}): ApiForm<V> {
  const [values, setValues] = useState(options.initial);
  const [problem, setProblem] = useState<ProblemError>();
  const [busy, setBusy] = useState(false);

  const set = useCallback((change: Partial<V>) => setValues((before) => ({ ...before, ...change })), []);
  const reset = useCallback((next: V) => {
    setValues(next);
    setProblem(undefined);
  }, []);
  const fieldError = (field: string) => problem?.fields.find((bad) => isIn(bad.field, field))?.problem;
  const covered =
    problem !== undefined &&
    problem.fields.length > 0 &&
    problem.fields.every((bad) => options.fields.some((field) => isIn(bad.field, field)));

  return {
    values,
    set,
    reset,
    fieldError,
    problem: covered ? undefined : problem,
    busy,
    async submit(event) {
      event?.preventDefault();
      if (busy) return;
      setBusy(true);
      setProblem(undefined);
      try {
        await options.submit(values);
      } catch (error) {
        setProblem(asProblem(error));
      } finally {
        setBusy(false);
      }
    },
  };
}

/** Whether a problem's field is this field or a part of it. */
export function isIn(bad: string, field: string): boolean {
  return bad === field || bad.startsWith(`${field}.`) || bad.startsWith(`${field}[`);
}
