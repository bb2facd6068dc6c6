// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, expect, it } from "vitest";
import "../../testing/browser";
import { Attributes } from "./parts";

afterEach(cleanup);

it("offers the hawkBit clients that there are, and leaves other attributes to whoever writes them", async () => {
  let made: [string, string][] = [];
  function Form() {
    const [rows, set] = useState<[string, string][]>([
      ["site", ""],
      ["hawkbit.client", ""],
    ]);
    made = rows;
    return <Attributes rows={rows} set={set} problem={null} />;
  }
  render(
    <MantineProvider env="test">
      <Form />
    </MantineProvider>,
  );
  await userEvent.type(screen.getByRole("textbox", { name: "Value of attribute 1" }), "berlin");
  await userEvent.click(screen.getByRole("combobox", { name: "Value of attribute 2" }));
  const words = screen.getAllByRole("option").map((option) => option.textContent);
  expect(words).toEqual(["swupdate", "rauc", "zephyr", "generic"]);
  await userEvent.click(screen.getByRole("option", { name: "swupdate" }));
  expect(made).toEqual([
    ["site", "berlin"],
    ["hawkbit.client", "swupdate"],
  ]);
});
