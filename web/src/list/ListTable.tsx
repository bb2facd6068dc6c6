// A list of anything the API pages: fetched by cursor as it is scrolled, drawn only where it is seen, with columns to
// choose, rows to select and keys to move. Knows neither what it lists nor where its state is kept.
import { Button, Checkbox, Loader, Menu, Text } from "@mantine/core";
import { type InfiniteData, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import {
  type ColumnDef,
  flexRender,
  getCoreRowModel,
  type RowSelectionState,
  useReactTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef } from "react";
import type { Page } from "../api/client";
import type { Key } from "../api/keys";
import { count } from "../ui/format";
import { IconColumns } from "../ui/icons";
import { Trouble } from "../ui/Trouble";
import classes from "./table.module.css";

export interface Column<T> {
  id: string;
  head: string;
  cell: (item: T) => ReactNode;
  /** The API's name of the field to sort by. */
  sort?: string;
  /** Left out on phones. */
  wide?: boolean;
  /** Only shown when chosen. */
  extra?: boolean;
}

export interface Selection {
  /** Ids of the rows that were picked one by one. */
  picked: ReadonlySet<string>;
  /** Everything that matches, also what no page has shown. */
  allMatching: boolean;
}

export const NOTHING: Selection = { picked: new Set(), allMatching: false };

interface ListTableProps<T> {
  /** For screen readers: what is listed. */
  label: string;
  queryKey: Key;
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;
  columns: Column<T>[];
  rowId: (item: T) => string;
  onOpen?: (item: T) => void;
  sort?: string;
  onSort?: (sort: string | undefined) => void;
  /** Ids of shown columns; the default ones when absent. */
  shown?: string[];
  onShown?: (shown: string[] | undefined) => void;
  selection?: Selection;
  onSelection?: (selection: Selection) => void;
  /** What stands there when nothing matches. */
  empty: ReactNode;
  /** Beside the column chooser. */
  tools?: ReactNode;
  /** Told with every first page, for totals and facets. */
  onFirstPage?: (page: Page<T>) => void;
}

const ROW_HEIGHT = 41;

export function ListTable<T>(props: ListTableProps<T>) {
  const { queryKey, load, columns, rowId, onOpen, selection, onSelection, onFirstPage } = props;
  const query = useInfiniteQuery<Page<T>, Error, InfiniteData<Page<T>>, Key, string | undefined>({
    queryKey,
    queryFn: ({ pageParam, signal }) => load(pageParam, signal),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const pages = query.data?.pages;
  const items = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const first = pages?.[0];
  const total = first?.total ?? (query.hasNextPage ? undefined : items.length);
  useEffect(() => {
    if (first) onFirstPage?.(first);
  }, [first, onFirstPage]);

  const shown = props.shown ?? columns.filter((column) => !column.extra).map((column) => column.id);
  const picked: RowSelectionState = useMemo(
    () => Object.fromEntries([...(selection?.picked ?? [])].map((id) => [id, true])),
    [selection],
  );
  const definitions = useMemo<ColumnDef<T>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.head,
        cell: (context) => column.cell(context.row.original),
        meta: column,
      })),
    [columns],
  );
  const table = useReactTable<T>({
    data: items,
    columns: definitions,
    getCoreRowModel: getCoreRowModel(),
    getRowId: rowId,
    state: {
      columnVisibility: Object.fromEntries(columns.map((column) => [column.id, shown.includes(column.id)])),
      rowSelection: picked,
    },
  });
  const rows = table.getRowModel().rows;

  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    initialRect: { width: 1000, height: 800 },
  });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage, isError } = query;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError && last >= rows.length - 20) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, isError, last, rows.length]);

  const pick = (id: string) => {
    if (!selection || !onSelection) return;
    // Taking one out of "all matching" goes back to what was picked one by one.
    const next = new Set(selection.allMatching ? [] : selection.picked);
    if (!next.delete(id)) next.add(id);
    onSelection({ picked: next, allMatching: false });
  };
  const allLoaded = items.length > 0 && items.every((item) => selection?.picked.has(rowId(item)));
  const pickAll = () => {
    if (!onSelection) return;
    const all = selection?.allMatching || allLoaded;
    onSelection(all ? NOTHING : { picked: new Set(items.map(rowId)), allMatching: false });
  };

  const goTo = (index: number) => {
    if (index < 0 || index >= rows.length) return;
    virtual.scrollToIndex(index);
    requestAnimationFrame(() =>
      scroll.current?.querySelector<HTMLElement>(`tr[data-index="${index}"]`)?.focus(),
    );
  };
  const onKey = (event: KeyboardEvent<HTMLTableRowElement>, index: number, item: T) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step) goTo(index + step);
    else if (event.key === "Enter" && onOpen) onOpen(item);
    else if ((event.key === "x" || event.key === " ") && onSelection) pick(rowId(item));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const before = seen[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  const width = shown.length + (onSelection ? 1 : 0);

  return (
    <div>
      {props.tools || props.onShown ? (
        <div className={classes.bar}>
          {props.tools}
          {props.onShown ? <ColumnChooser columns={columns} shown={shown} onShown={props.onShown} /> : null}
        </div>
      ) : null}
      {query.error ? <Trouble error={query.error} onRetry={() => void query.refetch()} /> : null}
      <div className={classes.frame}>
        <div className={classes.scroll} ref={scroll} tabIndex={0} role="region" aria-label={props.label}>
          <table className={classes.table} aria-rowcount={total ?? -1} data-list="">
            <thead>
              {table.getHeaderGroups().map((group) => (
                <tr key={group.id}>
                  {onSelection ? (
                    <th className={classes.choose} scope="col">
                      <Checkbox
                        size="xs"
                        aria-label="Select all shown"
                        checked={selection?.allMatching || allLoaded}
                        indeterminate={
                          !selection?.allMatching && !allLoaded && (selection?.picked.size ?? 0) > 0
                        }
                        onChange={pickAll}
                      />
                    </th>
                  ) : null}
                  {group.headers.map((header) => {
                    const column = header.column.columnDef.meta as Column<T>;
                    return (
                      <th
                        key={header.id}
                        scope="col"
                        data-wide={column.wide || undefined}
                        aria-sort={sortOf(column, props.sort)}
                      >
                        {column.sort && props.onSort ? (
                          <button
                            type="button"
                            className={classes.sort}
                            onClick={() => props.onSort?.(nextSort(column.sort as string, props.sort))}
                          >
                            {column.head}
                            <span aria-hidden="true">{arrow(column, props.sort)}</span>
                          </button>
                        ) : (
                          column.head
                        )}
                      </th>
                    );
                  })}
                </tr>
              ))}
            </thead>
            <tbody>
              {before > 0 ? <Spacer height={before} width={width} /> : null}
              {seen.map((place) => {
                const row = rows[place.index];
                if (!row) return null;
                const chosen = selection?.allMatching || row.getIsSelected();
                return (
                  <tr
                    key={row.id}
                    ref={virtual.measureElement}
                    data-index={place.index}
                    aria-rowindex={place.index + 1}
                    className={classes.row}
                    tabIndex={place.index === (seen[0]?.index ?? 0) ? 0 : -1}
                    data-chosen={chosen || undefined}
                    onKeyDown={(event) => onKey(event, place.index, row.original)}
                    onClick={(event) => {
                      if (onOpen && !(event.target as HTMLElement).closest("a,button,input,label"))
                        onOpen(row.original);
                    }}
                    style={onOpen ? { cursor: "pointer" } : undefined}
                  >
                    {onSelection ? (
                      <td className={classes.choose}>
                        <Checkbox
                          size="xs"
                          aria-label={`Select ${row.id}`}
                          checked={chosen}
                          onChange={() => pick(row.id)}
                        />
                      </td>
                    ) : null}
                    {row.getVisibleCells().map((cell) => (
                      <td
                        key={cell.id}
                        data-wide={(cell.column.columnDef.meta as Column<T>).wide || undefined}
                      >
                        {flexRender(cell.column.columnDef.cell, cell.getContext())}
                      </td>
                    ))}
                  </tr>
                );
              })}
              {after > 0 ? <Spacer height={after} width={width} /> : null}
            </tbody>
          </table>
          {query.isPending ? (
            <Text p="xl" ta="center" c="dimmed" role="status">
              <Loader size="sm" aria-hidden="true" /> Loading…
            </Text>
          ) : null}
          {query.isSuccess && items.length === 0 ? props.empty : null}
        </div>
        <div className={classes.foot}>
          <span role="status">
            {query.isPending
              ? ""
              : total === undefined
                ? `${count(items.length)} loaded, more below`
                : `${count(total)} in all`}
          </span>
          {isFetchingNextPage ? <span>Loading more…</span> : null}
        </div>
      </div>
    </div>
  );
}

function Spacer({ height, width }: { height: number; width: number }) {
  return (
    <tr className={classes.spacer} aria-hidden="true">
      <td colSpan={width} style={{ height }} />
    </tr>
  );
}

function ColumnChooser<T>(props: {
  columns: Column<T>[];
  shown: string[];
  onShown: (shown: string[] | undefined) => void;
}) {
  return (
    <Menu closeOnItemClick={false} position="bottom-end">
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<IconColumns />}>
          Columns
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {props.columns.map((column, place) => {
          const on = props.shown.includes(column.id);
          return (
            <Menu.Item
              key={column.id}
              role="menuitemcheckbox"
              aria-checked={on}
              disabled={place === 0}
              onClick={() => {
                const wanted = new Set(props.shown);
                if (!wanted.delete(column.id)) wanted.add(column.id);
                props.onShown(props.columns.filter((c) => wanted.has(c.id)).map((c) => c.id));
              }}
              leftSection={<span aria-hidden="true">{on ? "✓" : "\u2003"}</span>}
            >
              {column.head}
            </Menu.Item>
          );
        })}
        <Menu.Divider />
        <Menu.Item onClick={() => props.onShown(undefined)}>Usual columns</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Unsorted → ascending → descending → unsorted. */
export function nextSort(field: string, sort: string | undefined): string | undefined {
  if (sort === field) return `-${field}`;
  return sort === `-${field}` ? undefined : field;
}

function sortOf<T>(column: Column<T>, sort: string | undefined): "ascending" | "descending" | undefined {
  if (!column.sort || !sort) return undefined;
  if (sort === column.sort) return "ascending";
  return sort === `-${column.sort}` ? "descending" : undefined;
}

function arrow<T>(column: Column<T>, sort: string | undefined): string {
  const order = sortOf(column, sort);
  return order === "ascending" ? "↑" : order === "descending" ? "↓" : "";
}
