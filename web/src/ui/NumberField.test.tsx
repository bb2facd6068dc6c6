// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, expect, it } from "vitest";
import "../testing/browser";
import { NumberField, type Maybe } from "./NumberField";

afterEach(cleanup);

/** Types into a field, and gives what it shows and what it made of it. */
async function typing(text: string, props: { fraction?: boolean; min?: number; max?: number } = {}) {
  let made: Maybe = "";
  function Form() {
    const [value, set] = useState<Maybe>("");
    made = value;
    return <NumberField label="Minutes" value={value} set={set} {...props} />;
  }
  render(
    <MantineProvider>
      <Form />
    </MantineProvider>,
  );
  const field = screen.getByLabelText<HTMLInputElement>("Minutes");
  await userEvent.type(field, text);
  return { made, shows: field.value };
}

it("keeps a fraction while it is typed", async () => {
  expect(await typing("0.5", { fraction: true })).toEqual({ made: 0.5, shows: "0.5" });
});

it("keeps zeros behind the point", async () => {
  expect(await typing("1.05", { fraction: true })).toEqual({ made: 1.05, shows: "1.05" });
});

it("takes no point where numbers are whole, and loses no digit to it", async () => {
  expect(await typing("1.5")).toEqual({ made: 15, shows: "15" });
});

it("makes nothing of a sign alone", async () => {
  expect((await typing("-")).made).toBe("");
});

it("says which numbers there may be, and makes no other one of what was typed", async () => {
  const made = await typing("-7", { min: 1, max: 100 });
  await userEvent.tab();
  expect(made).toEqual({ made: -7, shows: "-7" });
  const field = screen.getByLabelText<HTMLInputElement>("Minutes");
  expect([field.value, field.getAttribute("aria-invalid")]).toEqual(["-7", "true"]);
  screen.getByText("At least 1.");
  cleanup();
  await typing("101", { min: 1, max: 100 });
  screen.getByText("At most 100.");
  cleanup();
  await typing("100", { min: 1, max: 100 });
  expect(screen.queryByText(/^At /)).toBeNull();
});
