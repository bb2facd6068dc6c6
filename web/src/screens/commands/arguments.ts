/** The arguments of a command template, from what was typed. Pure. */
import type { Schemas } from "../../api/client";
import { readJson } from "../../ui/json";

type Parameter = Schemas["Parameter"];

export type Typed = Record<string, string | boolean>;

/** What was typed as JSON values, and what is wrong with each. Nothing typed means the parameter's own default. */
export function readArguments(parameters: Parameter[], typed: Typed) {
  const values: Record<string, unknown> = {};
  const problems: Record<string, string> = {};
  for (const parameter of parameters) {
    const text = typed[parameter.name];
    if (text === undefined || text === "") {
      if (parameter.required && (parameter.default === undefined || parameter.default === null)) {
        problems[parameter.name] = "It is needed.";
      }
      continue;
    }
    if (parameter.type === "number") {
      const number = Number(text);
      if (Number.isFinite(number)) values[parameter.name] = number;
      else problems[parameter.name] = "It must be a number.";
    } else if (parameter.type === "boolean") {
      values[parameter.name] = text === true || text === "true";
    } else {
      values[parameter.name] = String(text);
    }
  }
  return { values, problems };
}

/** An object typed as JSON; an empty text is no object at all. */
export function readObject(text: string): { value?: Record<string, unknown>; problem?: string } {
  const { value, problem } = readJson(text);
  if (value === undefined) return { problem };
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { problem: "It must be an object." };
  return { value: value as Record<string, unknown> };
}
