// Operations that the server is about to publish in its OpenAPI document, in the shape of the generated types.
// An entry leaves this file once `npm run client` brings it; this file must not outlive them.
import type { components } from "./schema";

type S = components["schemas"];

export interface Page<T> {
  items: T[];
  cursor?: string | null;
  total?: number | null;
  facets?: Record<string, { value: string; count: number }[]> | null;
}

interface Shape {
  query?: object;
  path?: object;
  body?: unknown;
}

type In<I extends Shape, K extends keyof Shape> = I extends Record<K, infer V> ? V : never;

type Operation<Answer, I extends Shape = object> = {
  parameters: {
    query?: In<I, "query">;
    header?: Record<string, string>;
    path: In<I, "path">;
    cookie?: never;
  };
  requestBody: { content: { "application/json": In<I, "body"> } };
  responses: { 200: { headers: Record<string, unknown>; content: { "application/json": Answer } } };
} extends infer Whole extends { parameters: { path: unknown }; requestBody: unknown }
  ? Omit<Whole, "parameters" | "requestBody"> & {
      parameters: I extends { path: object }
        ? Whole["parameters"]
        : Omit<Whole["parameters"], "path"> & { path?: never };
    } & (I extends { body: unknown } ? { requestBody: Whole["requestBody"] } : { requestBody?: never })
  : never;

export interface Setup {
  needed: boolean;
  version: string;
}

export interface Session {
  id: number;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  address?: string | null;
  userAgent?: string | null;
  current: boolean;
}

export type ServerDetails = S["ServerInfo"];

export interface CommandBody {
  command?: string;
  template?: string;
  arguments?: unknown;
  expiresInSeconds?: number;
}

export interface CommandResult {
  job: number;
  execution: number;
  device?: string | null;
  command: string;
  state: S["ExecutionState"];
  outcome: S["Outcome"];
  exitCode?: number | null;
  output?: string | null;
  outputUrl?: string | null;
  reason: string;
  why: string;
  action: string;
  queuedAt: string;
  endedAt?: string | null;
}

export interface CommandParameter {
  name: string;
  description?: string;
  type: "string" | "number" | "boolean";
  required: boolean;
  default?: unknown;
  choices?: unknown[] | null;
}

export interface CommandTemplateSpec {
  description: string;
  command: string;
  parameters: CommandParameter[];
  fixedArguments: Record<string, unknown>;
  expiresInSeconds?: number | null;
  deviceTypes: string[];
}

export interface CommandTemplate extends CommandTemplateSpec {
  name: string;
  version: number;
  createdAt: string;
  updatedAt: string;
}

type Execution = S["Execution"];

export interface CommandExecution extends Execution {
  exitCode?: number | null;
  output?: string | null;
  outputUrl?: string | null;
}

export interface ImportReport {
  dryRun: boolean;
  rows: number;
  valid: number;
  toCreate: number;
  toUpdate: number;
  created: number;
  updated: number;
  unchanged: number;
  failed: number;
  problems: { row: number; line?: number; name?: string; field: string; problem: string }[];
  problemsOmitted: number;
  preview: {
    row: number;
    name: string;
    action: "create" | "update" | "unchanged" | "error";
    type?: string | null;
    tags?: string[];
    attributes?: Record<string, string>;
  }[];
}

export interface Pending {
  id: number;
  name?: string | null;
  source: "claim" | "certificate";
  claim?: string | null;
  template?: string | null;
  type?: string | null;
  fingerprint: string;
  publicKeySha256: string;
  reason: string;
  knownDevice: boolean;
  attempts: number;
  firstAt: string;
  lastAt: string;
  state: "open" | "accepted" | "rejected";
  decidedAt?: string | null;
  decidedBy?: string | null;
}

export interface KeyedCredential {
  credential: S["Credential"];
  certificatePem: string;
  privateKeyPem?: string | null;
  caPem: string;
}

export interface Replaced extends KeyedCredential {
  device: S["Device"];
}

export interface DecommissionPreview {
  effects: string[];
  credentials: number;
  openExecutions: number;
  children: number;
  points: number;
  shadows: number;
}

export interface Alert {
  id: number;
  kind: string;
  severity: S["Severity"];
  state: "open" | "closed";
  subject: string;
  detail: string;
  action: string;
  device?: string | null;
  job?: number | null;
  pending?: number | null;
  openedAt: string;
  lastAt: string;
  count: number;
  closedAt?: string | null;
  closedReason?: string | null;
  acknowledgedAt?: string | null;
  acknowledgedBy?: string | null;
}

export interface Refusal {
  id: number;
  stage: "tls" | "connect" | "subscribe" | "publish" | "http";
  code: string;
  detail: string;
  action: string;
  address: string;
  claimedName?: string | null;
  clientId?: string | null;
  certificateSubject?: string | null;
  certificateIssuer?: string | null;
  fingerprint?: string | null;
  device?: string | null;
  protocol?: string | null;
  count: number;
  firstAt: string;
  lastAt: string;
}

export interface UnmappedTopic {
  topic: string;
  suggestedFilter: string;
  count: number;
  lastAt: string;
  sampleBytes: number;
}

type Listing = { limit?: number; cursor?: string };

export interface PendingPaths {
  "/api/v1/setup": {
    get: Operation<Setup>;
    post: Operation<S["Me"], { body: { token: string; user: string; password: string } }>;
  };
  "/api/v1/session": {
    post: Operation<S["Me"], { body: { user: string; password: string } }>;
    delete: Operation<undefined>;
  };
  "/api/v1/session/link": { post: Operation<S["Me"], { body: { token: string } }> };
  "/api/v1/sessions": { get: Operation<Page<Session>> };
  "/api/v1/sessions/{id}": { delete: Operation<undefined, { path: { id: number } }> };
  "/api/v1/server": { get: Operation<ServerDetails> };
  "/api/v1/devices/{name}/commands": {
    get: Operation<Page<CommandExecution>, { path: { name: string }; query: Listing }>;
    post: Operation<CommandResult, { path: { name: string }; query: { wait?: string }; body: CommandBody }>;
  };
  "/api/v1/command-templates": { get: Operation<Page<CommandTemplate>, { query: Listing }> };
  "/api/v1/command-templates/{name}": {
    get: Operation<CommandTemplate, { path: { name: string } }>;
    put: Operation<CommandTemplate, { path: { name: string }; body: CommandTemplateSpec }>;
    delete: Operation<undefined, { path: { name: string } }>;
  };
  "/api/v1/pending": { get: Operation<Page<Pending>, { query: Listing & { state?: Pending["state"] } }> };
  "/api/v1/pending/{id}/accept": { post: Operation<Pending, { path: { id: number } }> };
  "/api/v1/pending/{id}/reject": {
    post: Operation<Pending, { path: { id: number }; body: { reason?: string } }>;
  };
  "/api/v1/devices/{name}/reprovision": {
    post: Operation<S["Device"], { path: { name: string }; body: { minutes: number } }>;
    delete: Operation<S["Device"], { path: { name: string } }>;
  };
  "/api/v1/devices/{name}/credentials/generate": {
    post: Operation<KeyedCredential, { path: { name: string } }>;
  };
  "/api/v1/devices/{name}/replace": {
    post: Operation<
      Replaced,
      {
        path: { name: string };
        body: {
          csr?: string;
          generateKey?: boolean;
          externalId?: { protocol: string; externalId: string };
          reason?: string;
        };
      }
    >;
  };
  "/api/v1/devices/{name}/decommission": {
    get: Operation<
      DecommissionPreview,
      { path: { name: string }; query: { data?: "keep" | "erase"; wipe?: boolean } }
    >;
    post: Operation<
      S["Device"],
      {
        path: { name: string };
        body: {
          data: "keep" | "erase";
          wipe?: { command: string; arguments?: unknown; waitSeconds?: number };
          confirm?: string;
        };
      }
    >;
  };
  "/api/v1/alerts": {
    get: Operation<
      Page<Alert>,
      { query: Listing & { state?: "open" | "closed"; kind?: string; device?: string } }
    >;
  };
  "/api/v1/alerts/{id}/acknowledge": { post: Operation<Alert, { path: { id: number } }> };
  "/api/v1/alerts/{id}/close": {
    post: Operation<Alert, { path: { id: number }; body: { reason?: string } }>;
  };
  "/api/v1/refusals": {
    get: Operation<
      Page<Refusal>,
      {
        query: Listing & { device?: string; address?: string; claimed?: string; stage?: string; q?: string };
      }
    >;
  };
  "/api/v1/devices/{name}/refusals": {
    get: Operation<Page<Refusal>, { path: { name: string }; query: Listing }>;
  };
  "/api/v1/devices/{name}/unmapped-topics": {
    get: Operation<Page<UnmappedTopic>, { path: { name: string } }>;
  };
}
