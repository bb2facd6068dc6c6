// The one door to the server: the generated client, problems as errors, and the news that a session has ended.
// Knows nothing of screens.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** One page of a list: what every `PageOf…` of the document is. */
export interface Page<T> {
  items: T[];
  cursor?: string | null;
  total?: number | null;
  facets?: Schemas["PageOfDevice"]["facets"];
}

/** An answer that is no success, or no answer at all. `detail` is a sentence for people. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly fields: { field: string; problem: string }[] = [],
    readonly requestId?: string,
  ) {
    super(detail);
    this.name = "ProblemError";
  }
}

type Listener = () => void;
const endedListeners = new Set<Listener>();

/** Calls `listener` whenever the server says that nobody is signed in. */
export function onSessionEnded(listener: Listener): () => void {
  endedListeners.add(listener);
  return () => endedListeners.delete(listener);
}

/** The client; see `take` for its answers. */
export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });

interface Taken<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's content, or a `ProblemError`. */
export async function take<T>(call: Promise<Taken<T>>): Promise<T> {
  return (await takeWhole(call)).data;
}

/** As `take`, with the response itself, for its status and headers. */
export async function takeWhole<T>(call: Promise<Taken<T>>): Promise<{ data: T; response: Response }> {
  let taken: Taken<T>;
  try {
    taken = await call;
  } catch (cause) {
    throw unreachable(cause);
  }
  if (!taken.response.ok) throw problem(taken.response, taken.error);
  return { data: taken.data as T, response: taken.response };
}

/** For bodies that are no JSON: files up, text down. Same problems as `take`. */
export async function fetchRaw(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (cause) {
    throw unreachable(cause);
  }
  if (response.ok) return response;
  throw problem(response, await response.json().catch(() => undefined));
}

function unreachable(cause: unknown): Error {
  if (cause instanceof DOMException && cause.name === "AbortError") return cause;
  return new ProblemError(
    0,
    "server.unreachable",
    "The server does not answer",
    "The server does not answer. Check that it runs and that this computer reaches it, then try again.",
  );
}

function problem(response: Response, body: unknown): ProblemError {
  const told = (typeof body === "object" && body !== null ? body : {}) as Partial<Schemas["Problem"]>;
  const error = new ProblemError(
    response.status,
    told.code ?? `http.${response.status}`,
    told.title ?? `The server answered ${response.status}`,
    told.detail ?? `The server answered ${response.status} ${response.statusText} without saying why.`,
    told.errors ?? [],
    told.requestId,
  );
  const signingIn = /\/api\/v1\/(session|session\/link|setup)$/.test(response.url);
  if (response.status === 401 && !signingIn) endedListeners.forEach((listener) => listener());
  return error;
}

/** What to tell about anything that was thrown. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ProblemError(0, "console.failed", "Something went wrong in the console", detail);
}

/** The value of If-Match for a version. */
export const version = (n: number): string => `"${n}"`;
