// Keys of the whole console. Sequences (`g d`) and single keys, none of them while somebody writes.
import { useEffect, useRef } from "react";

export interface Binding {
  keys: string;
  means: string;
  run: () => void;
}

/** Keys that lists understand by themselves, for the help. */
export const LIST_KEYS: { keys: string; means: string }[] = [
  { keys: "j / k", means: "Next, previous row" },
  { keys: "Enter", means: "Open the row" },
  { keys: "x", means: "Select the row" },
];

const SEQUENCE_MS = 1500;

/** Whether a key belongs to what has the focus: a field, a list of options, a terminal. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.closest("input,textarea,select,[role='menu'],[role='listbox']") !== null
  );
}

/** Runs the bindings while `enabled`. */
export function useKeyboard(bindings: Binding[], enabled: boolean): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  useEffect(() => {
    if (!enabled) return;
    let first = "";
    let since = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target))
        return;
      if (document.querySelector("[role='dialog']")) return;
      const now = event.timeStamp;
      const sequence = first && now - since < SEQUENCE_MS ? `${first} ${event.key}` : "";
      const found =
        latest.current.find((binding) => binding.keys === sequence) ??
        latest.current.find((binding) => binding.keys === event.key);
      if (found) {
        event.preventDefault();
        first = "";
        found.run();
        return;
      }
      first = event.key;
      since = now;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [enabled]);
}

/** `/`: to the screen's search field. */
export function focusSearch(): void {
  document.querySelector<HTMLInputElement>("main [data-search]")?.focus();
}

/** `j` on a page with a list: to its first row. */
export function focusList(): void {
  document.querySelector<HTMLElement>("main table[data-list] tbody tr[tabindex='0']")?.focus();
}
