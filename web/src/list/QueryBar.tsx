// Where a fleet query is written: completes fields, operators and values (from facets), and shows a syntax error at
// its place. The query takes effect with Enter, so that half a query is never sent.
import { ActionIcon, Combobox, Text, TextInput, useCombobox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, ProblemError, take } from "../api/client";
import { useCan } from "../session/session";
import { IconClose, IconSearch } from "../ui/icons";
import { errorPlace, operatorsFor, placeAt, quoted } from "./completion";
import classes from "./querybar.module.css";

export const DEVICE_FIELDS: { name: string; means: string }[] = [
  { name: "name", means: "its name" },
  { name: "type", means: "device type" },
  { name: "tag", means: "a tag it carries" },
  { name: "group", means: "a group it is in" },
  { name: "presence", means: "connected, reachable, overdue, never" },
  { name: "online", means: "true or false" },
  { name: "lifecycle", means: "registered, active, suspended, decommissioned" },
  { name: "attribute.", means: "set by operators: attribute.site" },
  { name: "inventory.", means: "reported by the device" },
  { name: "running", means: 'component and version: running=="app 2.0"' },
  { name: "kind", means: "device or gateway" },
  { name: "parent", means: "its gateway" },
  { name: "alias", means: "another id of it" },
  { name: "lastContactAt", means: "when it was last heard" },
  { name: "firstSeenAt", means: "first contact" },
  { name: "createdAt", means: "when it was registered" },
  { name: "updatedAt", means: "last change" },
];

const FACETED =
  /^(type|tag|group|presence|online|lifecycle|kind|parent|running|attribute\..+|inventory\..+)$/i;

interface Suggestion {
  insert: string;
  label: string;
  means?: string;
}

interface QueryBarProps {
  value: string;
  onQuery: (query: string) => void;
  /** Why the server refused the query in effect. */
  error?: unknown;
  label?: string;
  placeholder?: string;
}

export function QueryBar({ value, onQuery, error, label = "Query", placeholder }: QueryBarProps) {
  const [draft, setDraft] = useState({ text: value, of: value });
  // A query that came from elsewhere (a facet, the back button) replaces what was written.
  if (draft.of !== value) setDraft({ text: value, of: value });
  const text = draft.text;
  const write = (next: string) => setDraft({ text: next, of: value });
  const [caret, setCaret] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });

  const can = useCan();
  const place = placeAt(text, caret);
  const field = place.kind === "value" && place.field && FACETED.test(place.field) ? place.field : undefined;
  const values = useQuery({
    queryKey: ["device", "list", "values", field],
    enabled:
      field !== undefined &&
      combobox.dropdownOpened &&
      (field.toLowerCase() !== "running" || can("shadow.read")),
    staleTime: 30_000,
    retry: false,
    queryFn: () => take(api.GET("/api/v1/devices", { params: { query: { limit: 1, facets: field } } })),
  });
  const found = field ? ((values.data?.facets as Facets)?.[field] ?? []) : [];
  const suggestions = suggest(place, found);

  const insert = (suggestion: string) => {
    const next = text.slice(0, place.from) + suggestion + text.slice(place.to);
    const at = place.from + suggestion.length;
    write(next);
    setCaret(at);
    requestAnimationFrame(() => input.current?.setSelectionRange(at, at));
    combobox.resetSelectedOption();
  };
  const bad = error instanceof ProblemError ? error.fields.find((f) => f.field === "q")?.problem : undefined;
  const badAt = bad !== undefined && text === value ? errorPlace(bad) : undefined;

  return (
    <div className={classes.bar}>
      <Combobox store={combobox} onOptionSubmit={insert} position="bottom-start" withinPortal>
        <Combobox.Target>
          <TextInput
            ref={input}
            data-search=""
            aria-label={label}
            placeholder={placeholder ?? "type==pump;tag==outdoor   (press / to write, ↵ to search)"}
            value={text}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            leftSection={<IconSearch />}
            rightSection={
              text ? (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label="Clear the query"
                  onClick={() => {
                    write("");
                    onQuery("");
                    input.current?.focus();
                  }}
                >
                  <IconClose />
                </ActionIcon>
              ) : undefined
            }
            classNames={{ input: classes.input }}
            error={bad !== undefined && text === value}
            aria-invalid={bad !== undefined || undefined}
            onChange={(event) => {
              write(event.currentTarget.value);
              setCaret(event.currentTarget.selectionStart ?? 0);
              combobox.openDropdown();
              combobox.resetSelectedOption();
            }}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onFocus={() => combobox.openDropdown()}
            onBlur={() => combobox.closeDropdown()}
            onKeyDown={(event) => {
              if (event.key === "Enter" && combobox.getSelectedOptionIndex() < 0) {
                event.preventDefault();
                combobox.closeDropdown();
                onQuery(text.trim());
              } else if (event.key === "Escape") {
                combobox.closeDropdown();
              } else if (event.key === "Tab" && combobox.dropdownOpened && suggestions[0] && place.written) {
                event.preventDefault();
                insert(suggestions[0].insert);
              }
            }}
          />
        </Combobox.Target>
        <Combobox.Dropdown hidden={suggestions.length === 0}>
          <Combobox.Options mah={280} style={{ overflowY: "auto" }} aria-label="Completions">
            {suggestions.map((suggestion) => (
              <Combobox.Option key={suggestion.insert} value={suggestion.insert}>
                <span className={classes.option}>
                  <span className="mono clip" dir="auto">
                    {suggestion.label}
                  </span>
                  {suggestion.means ? <span className={classes.means}>{suggestion.means}</span> : null}
                </span>
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      {bad !== undefined && text === value ? (
        <div role="alert" className={classes.bad}>
          {badAt !== undefined ? (
            <code className={classes.shown}>
              {[...value].slice(0, badAt).join("")}
              <mark className={classes.mark}>{[...value].slice(badAt).join("") || "\u00a0"}</mark>
            </code>
          ) : null}
          <Text size="sm" c="var(--mantine-color-error)" className="anywhere">
            {bad}
          </Text>
        </div>
      ) : null}
    </div>
  );
}

type Facets = Record<string, { value: string; count: number }[]> | null | undefined;

function suggest(
  place: ReturnType<typeof placeAt>,
  values: { value: string; count: number }[],
): Suggestion[] {
  const starts = (name: string) => name.toLowerCase().startsWith(place.written.toLowerCase());
  switch (place.kind) {
    case "field":
      return DEVICE_FIELDS.filter(({ name }) => starts(name) && name !== place.written).map(
        ({ name, means }) => ({
          insert: name,
          label: name,
          means,
        }),
      );
    case "operator":
      return operatorsFor(place.field ?? "")
        .filter(({ text }) => starts(text))
        .map(({ text, means }) => ({ insert: text, label: text, means }));
    case "value":
      return values
        .filter(({ value }) => starts(value) && value !== place.written)
        .slice(0, 50)
        .map(({ value, count }) => ({ insert: quoted(value), label: value || '""', means: String(count) }));
    case "joint":
      return [
        { insert: ";", label: ";", means: "and" },
        { insert: ",", label: ",", means: "or" },
      ];
  }
}
