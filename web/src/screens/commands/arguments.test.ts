import { expect, it } from "vitest";

import { readArguments, readObject } from "./arguments";

it("turns what was typed into values of the declared types and names what is wrong", () => {
  const parameters = [
    { name: "app", type: "string", required: true },
    { name: "delay", type: "number", required: false },
    { name: "hard", type: "boolean", required: false },
    { name: "level", type: "string", required: true, default: "info" },
  ] as const;
  expect(readArguments([...parameters], { app: "pump", delay: "5", hard: true })).toEqual({
    values: { app: "pump", delay: 5, hard: true },
    problems: {},
  });
  expect(Object.keys(readArguments([...parameters], { delay: "soon" }).problems)).toEqual(["app", "delay"]);
});

it("takes an object or nothing as free arguments", () => {
  expect(readObject(" ")).toEqual({});
  expect(readObject('{"a":1}')).toEqual({ value: { a: 1 } });
  expect(readObject("[1]").problem).toBe("It must be an object.");
  expect(readObject("{").problem).toBeTruthy();
});
