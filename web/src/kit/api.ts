/**
 * Lists, records and actions of REST v1 by path, for screens that need no more than that.
 *
 * Does not know any screen. Answers are typed by the caller with the generated schemas; requests go through `api/client`.
 */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { fetchRaw, ProblemError, type Page, type Schemas } from "../api/client";
import type { ChangeKind, Key } from "../api/keys";
import { useAskingAgain } from "../api/live";

export { ProblemError, type Page, type Schemas };

type Query = Record<string, string | number | boolean | undefined>;

/** What is wrong with one field, if anything is. */
export const fault = (problem: ProblemError | null | undefined, field: string): string | undefined =>
  problem?.fields.find((it) => it.field === field)?.problem;

/** A path with its parts encoded: `path('devices', name)`. */
export const path = (...parts: (string | number)[]) =>
  "/api/v1/" + parts.map((part) => encodeURIComponent(String(part))).join("/");

const withQuery = (target: string, query: Query = {}) => {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${target}?${text}` : target;
};

/** The key under which the live view finds what a path answers. */
const KINDS: Record<string, ChangeKind> = {
  devices: "device",
  jobs: "job",
  executions: "execution",
  alerts: "alert",
  events: "event",
  refusals: "refusal",
  pending: "pending",
  releases: "release",
  types: "type",
  groups: "group",
  backups: "backup",
  "auto-assignments": "autoAssignment",
};

export function keyOf(target: string, query: Query = {}): Key {
  const [first = "", second, ...rest] = target.replace("/api/v1/", "").split("/").map(decodeURIComponent);
  const subject =
    second === undefined ? "list" : first === "jobs" || first === "executions" ? Number(second) : second;
  return [KINDS[first] ?? first, subject, ...rest, query];
}

/** One request; the answer is JSON, or `undefined` where there is none. */
export async function request<T>(
  method: string,
  target: string,
  options: {
    query?: Query;
    body?: unknown;
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<T> {
  const response = await fetchRaw(withQuery(target, options.query), {
    method,
    headers: {
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** One record, fetched again when the live view says that it changed. A `null` target asks nothing. */
export function useRecord<T>(target: string | null, query?: Query) {
  return useQuery<T, ProblemError>({
    queryKey: keyOf(target ?? "", query),
    queryFn: () => request<T>("GET", target ?? "", { ...(query ? { query } : {}) }),
    enabled: target !== null,
    refetchInterval: useAskingAgain(),
  });
}

/** A list, page by page. */
export function useList<T>(target: string, query: Query = {}) {
  const list = useInfiniteQuery<Page<T>, ProblemError>({
    queryKey: [...keyOf(target, query), "pages"],
    initialPageParam: undefined,
    queryFn: ({ pageParam }) =>
      request<Page<T>>("GET", target, { query: { ...query, cursor: pageParam as string | undefined } }),
    getNextPageParam: (last) => last.cursor ?? undefined,
    refetchInterval: useAskingAgain(),
  });
  return {
    items: list.data?.pages.flatMap((page) => page.items) ?? [],
    total: list.data?.pages[0]?.total ?? undefined,
    problem: list.error,
    loading: list.isPending,
    more: list.hasNextPage,
    loadMore: () => void list.fetchNextPage(),
    loadingMore: list.isFetchingNextPage,
    refetch: () => void list.refetch(),
  };
}

/** Something that changes the server; afterwards the named lists and records are fetched again. */
export function useAct<I, O>(
  act: (input: I) => Promise<O>,
  changes: string[],
  then?: (output: O, input: I) => void,
) {
  const client = useQueryClient();
  return useMutation<O, ProblemError, I>({
    mutationFn: act,
    onSuccess: async (output, input) => {
      await Promise.all(changes.map((target) => client.invalidateQueries({ queryKey: [keyOf(target)[0]] })));
      then?.(output, input);
    },
  });
}

export type ListOf<T> = ReturnType<typeof useList<T>>;
