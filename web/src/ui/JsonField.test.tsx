// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import "../testing/browser";
import { JsonField } from "./JsonField";

function leave(text: string, error?: string) {
  render(
    <MantineProvider>
      <JsonField label="Arguments" value={text} onChange={() => undefined} error={error} />
    </MantineProvider>,
  );
  const input = screen.getAllByLabelText("Arguments").at(-1)!;
  fireEvent.focus(input);
  fireEvent.blur(input);
}

describe("JsonField", () => {
  it("says what is wrong with a text that is no JSON", () => {
    leave('{"delay": 5,}');
    expect(screen.getByText(/This is no JSON/)).toBeTruthy();
  });
  it("leaves the last word to the form", () => {
    leave("[1", "Arguments must be an object.");
    expect(screen.getByText("Arguments must be an object.")).toBeTruthy();
  });
});
