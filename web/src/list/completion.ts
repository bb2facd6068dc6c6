// What could be written next in a query of the fleet query language. Pure; the server alone judges queries.

export interface Place {
  kind: "field" | "operator" | "value" | "joint";
  /** The characters that a completion replaces. */
  from: number;
  to: number;
  /** What stands there up to the caret. */
  written: string;
  /** For operators and values: the field before. */
  field?: string;
}

const FIELD = /[A-Za-z0-9_\-:.]/;
const OPERATORS = ["==", "!=", "=in=", "=out=", "<=", ">=", "<", ">", "=is="];

/** What the caret stands in. */
export function placeAt(query: string, caret: number): Place {
  let at = 0;
  const end = Math.min(caret, query.length);
  for (;;) {
    while (at < end && /[\s(;,]/.test(query[at] ?? "")) at += 1;
    const word = /^(and|or)\s/i.exec(query.slice(at));
    if (word && at + word[0].length <= end) {
      at += word[0].length;
      continue;
    }
    const start = at;
    while (at < query.length && FIELD.test(query[at] ?? "")) at += 1;
    if (end <= at) return { kind: "field", from: start, to: at, written: query.slice(start, end) };
    const field = query.slice(start, at);
    while (at < end && query[at] === " ") at += 1;
    const operator = /^(==|!=|=[a-z]+=|<=|>=|<|>|[=!]?[a-z]*=?)/.exec(query.slice(at))?.[0] ?? "";
    const whole = OPERATORS.includes(operator) || /^=[a-z]+=$/.test(operator);
    if (!whole || end < at + operator.length)
      return {
        kind: "operator",
        from: at,
        to: Math.max(at + operator.length, end),
        written: query.slice(at, end),
        field,
      };
    at += operator.length;
    while (at < end && query[at] === " ") at += 1;
    const list = query[at] === "(" && at < end;
    if (list) at += 1;
    for (;;) {
      while (at < end && query[at] === " ") at += 1;
      const valueStart = at;
      at = valueEnd(query, at);
      if (end <= at)
        return {
          kind: "value",
          from: valueStart,
          to: at,
          written: unquoted(query.slice(valueStart, end)),
          field,
        };
      if (!(list && query[at] === ",")) break;
      at += 1;
    }
    if (list && query[at] === ")") at += 1;
    while (at < end && /[\s)]/.test(query[at] ?? "")) at += 1;
    if (at >= end) return { kind: "joint", from: end, to: end, written: "" };
    if (!/[;,]/.test(query[at] ?? "") && !/^(and|or)\s/i.test(query.slice(at))) {
      return { kind: "joint", from: at, to: end, written: query.slice(at, end) };
    }
  }
}

function valueEnd(query: string, start: number): number {
  const quote = query[start];
  if (quote === '"' || quote === "'") {
    const close = query.indexOf(quote, start + 1);
    return close < 0 ? query.length : close + 1;
  }
  let at = start;
  while (at < query.length && !/[\s()';,=!~<>"]/.test(query[at] ?? "")) at += 1;
  return at;
}

function unquoted(text: string): string {
  return text.replace(/^["']/, "");
}

/** A value as it must stand in a query: quoted where it has to be. */
export function quoted(value: string): string {
  if (value !== "" && !/[\s()';,=!~<>"*\\]/.test(value)) return value;
  const starred = value.replace(/[\\*]/g, "\\$&");
  return starred.includes('"') ? `'${starred.replace(/'/g, "\\'")}'` : `"${starred}"`;
}

/** The conditions of a query that must all hold, as they stand in it: parted by `;` outside quotes and parentheses. */
export function clauses(query: string): string[] {
  const found: string[] = [];
  let quote = "";
  let depth = 0;
  let from = 0;
  for (let at = 0; at < query.length; at += 1) {
    const c = query[at] ?? "";
    if (quote !== "") {
      if (c === "\\") at += 1;
      else if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === "(") depth += 1;
    else if (c === ")") depth -= 1;
    else if (c === ";" && depth === 0) {
      found.push(query.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...found, query.slice(from).trim()].filter((clause) => clause !== "");
}

/** A condition `field==value` in one spelling, whatever quotes and spaces it was written in; others as they stand. */
export function plain(clause: string): string {
  const parts = /^([A-Za-z0-9_\-:.]+)\s*==\s*(.+)$/s.exec(clause.trim());
  const [, field, written] = parts ?? [];
  if (field === undefined || written === undefined) return clause.trim();
  const quote = /^["']/.exec(written)?.[0];
  if (quote === undefined) return /[\s()';,=!~<>"]/.test(written) ? clause.trim() : `${field}==${written}`;
  let value = "";
  for (let at = 1; at < written.length; at += 1) {
    const c = written[at] ?? "";
    // More after the quotes is more than one value.
    if (c === quote) return at === written.length - 1 ? `${field}==${value}` : clause.trim();
    if (c === "\\") at += 1;
    const said = written[at] ?? "";
    // A star that is meant as one stays apart from one that stands for anything.
    value += c === "\\" && /[\\*]/.test(said) ? `\\${said}` : said;
  }
  return clause.trim();
}

/** The query with one more condition. */
export function narrowed(query: string | undefined, clause: string): string {
  const present = query?.trim();
  if (!present) return clause;
  return /,|\bor\b/i.test(present) ? `(${present});${clause}` : `${present};${clause}`;
}

/** Where the server found a syntax error: its sentence begins "at character N". Counts from 0. */
export function errorPlace(problem: string): number | undefined {
  const found = /^at character (\d+)/.exec(problem);
  return found ? Number(found[1]) - 1 : undefined;
}

export const operatorsFor = (field: string): { text: string; means: string }[] => {
  const time = /At$/i.test(field);
  const all = [
    { text: "==", means: "is (with * for any characters)" },
    { text: "!=", means: "is not" },
    { text: "=in=(", means: "is one of" },
    { text: "=out=(", means: "is none of" },
    { text: "<", means: time ? "before" : "less than" },
    { text: ">", means: time ? "after" : "greater than" },
    { text: "=is=null", means: "has no value" },
    { text: "=not=null", means: "has a value" },
  ];
  return time ? [...all.slice(4), ...all.slice(0, 2)] : all;
};
