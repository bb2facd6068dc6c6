import { expect, it } from "vitest";
import { lastWave, waveName } from "./wave";

it("numbers waves by what they are, not by their place in the list", () => {
  expect(lastWave({ waves: [{ number: 1 }, { number: 3 }, { number: 47 }] })).toBe(47);
  expect(lastWave({ waves: [] })).toBe(0);
});

it("says how many waves are told as one", () => {
  expect(waveName({ name: "", number: 2, waves: 1 })).toBe("Wave 2");
  expect(waveName({ name: "Lab", number: 1, waves: 1 })).toBe("Lab");
  expect(waveName({ name: "", number: 2, waves: 40 })).toBe("Wave 2 and 39 later");
});
