// The server's stream of changes. One stream for the page marks queries stale; a device's page has its own for values.
// What is shown always comes from a query: a lost change costs latency, never truth.
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { api, take } from "./client";
import { type Change, concerns } from "./keys";

export type LiveState = "off" | "connecting" | "live" | "waiting";

/** Changes are gathered this long, so that a fleet coming online does not fetch a list a thousand times. */
const GATHER_MS = 1000;
const RETRY_MS = 5000;
/** More than this many gathered changes count as "anything may have changed". */
const GATHER_AT_MOST = 200;

let state: LiveState = "off";
const listeners = new Set<() => void>();

function become(next: LiveState) {
  if (state === next) return;
  state = next;
  listeners.forEach((listener) => listener());
}

/** How the stream is doing. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

/** Keeps queries fresh while `enabled`; to be used once, by the shell. */
export function useLive(enabled: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!enabled) return;
    return follow(client);
  }, [client, enabled]);
}

function follow(client: QueryClient): () => void {
  let source: EventSource | undefined;
  let gathered: Change[] = [];
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let retrying: ReturnType<typeof setTimeout> | undefined;
  let missed = false;

  const flush = () => {
    gathering = undefined;
    const changes = gathered;
    gathered = [];
    if (changes.length >= GATHER_AT_MOST) void client.invalidateQueries();
    else
      void client.invalidateQueries({
        predicate: (query) => changes.some((change) => concerns(change, query.queryKey)),
      });
  };
  const gather = (change: Change) => {
    if (gathered.length < GATHER_AT_MOST) gathered.push(change);
    gathering ??= setTimeout(flush, GATHER_MS);
  };
  const open = () => {
    retrying = undefined;
    become("connecting");
    source = new EventSource("/api/v1/live");
    source.onopen = () => {
      become("live");
      if (missed) void client.invalidateQueries();
      missed = false;
    };
    source.addEventListener("change", (event) => {
      const change = parse<Change>(event.data);
      if (change) gather(change);
    });
    source.addEventListener("resync", () => void client.invalidateQueries());
    source.onerror = () => {
      // The browser's own retry gives up for good after an HTTP error; ours does not.
      source?.close();
      source = undefined;
      missed = true;
      become("waiting");
      // A stream does not say why it ended; this finds out whether the session has.
      void take(api.GET("/api/v1/me")).catch(() => undefined);
      retrying ??= setTimeout(open, RETRY_MS);
    };
  };
  const close = () => {
    source?.close();
    source = undefined;
    clearTimeout(retrying);
    retrying = undefined;
  };
  // Browsers allow few streams per server; a hidden tab does not hold one.
  const visibility = () => {
    if (document.hidden) {
      close();
      missed = true;
      become("off");
    } else if (!source && !retrying) open();
  };

  document.addEventListener("visibilitychange", visibility);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", visibility);
    close();
    clearTimeout(gathering);
    become("off");
  };
}

export interface Values {
  device: string;
  ts: number;
  values: Record<string, number | boolean | string>;
}

/** Calls `onValues` with what a device sends, as it sends it, and `onOpen` whenever it begins to listen. */
export function useLiveValues(device: string, onValues: (values: Values) => void, onOpen?: () => void): void {
  const latest = useRef({ onValues, onOpen });
  useEffect(() => {
    latest.current = { onValues, onOpen };
  });
  useEffect(() => {
    const source = new EventSource(`/api/v1/live?kinds=telemetry&device=${encodeURIComponent(device)}`);
    source.onopen = () => latest.current.onOpen?.();
    source.addEventListener("telemetry", (event) => {
      const values = parse<Values>(event.data);
      if (values) latest.current.onValues(values);
    });
    return () => source.close();
  }, [device]);
}

/** Fetches what shows a device's values again as it sends some, at most once in a while. */
export function useFreshValues(device: string): void {
  const client = useQueryClient();
  const waiting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const refresh = () => {
    waiting.current ??= setTimeout(() => {
      waiting.current = undefined;
      void client.invalidateQueries({ queryKey: ["telemetry", device, "last"] });
    }, GATHER_MS);
  };
  // What came before it listened is found by asking once it does.
  useLiveValues(device, refresh, refresh);
  useEffect(() => () => clearTimeout(waiting.current), []);
}

/** Without the live view, what it would tell of is asked for again this often. */
const WITHOUT_LIVE_MS = 5_000;

/** For `refetchInterval` of what the live view tells of: never while it does. */
export function useAskingAgain(): number | false {
  return useLiveState() === "waiting" ? WITHOUT_LIVE_MS : false;
}

/** The time, told again every `everyMs`, for what is shown relative to it. */
export function useNow(everyMs = 10_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

function parse<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T;
  } catch {
    return undefined;
  }
}
