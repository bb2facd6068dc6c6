/**
 * Uploads a file in parts, with its digest and its progress; a cut connection costs a pause, not the upload.
 *
 * The digest is made here first, so that the server refuses bytes that changed on their way, and an upload of the same
 * file that was left half done goes on where it stood. Where the browser has no digests (a page without TLS that is not
 * local) or the file is very large, the server's own digest is shown alone.
 */
import { fetchRaw } from "../../api/client";
import { path, ProblemError, request, type Page, type Schemas } from "../../kit/api";
import { pause, read, type Answer } from "./parts";

type Artifact = Schemas["Artifact"];
type Upload = Schemas["Upload"];

const DIGEST_UP_TO = 512 * 1024 * 1024;
const PART_BYTES = 8 * 1024 * 1024;
/** Tries in a row that may go wrong before it is given up; with their pauses about five minutes. */
const TRIES = 16;

/** What is told while it goes on. */
export type Progress = (share: number, waiting: boolean) => void;

/** SHA-256 as hex; nothing where it cannot be had. */
export async function digest(file: Blob): Promise<string | null> {
  if (!globalThis.isSecureContext || file.size > DIGEST_UP_TO) return null;
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends the bytes; `progress` gets shares from 0 to 1. An aborted upload is given up on the server too. */
export async function upload(file: File, progress: Progress, signal: AbortSignal): Promise<Artifact> {
  const sha256 = await digest(file);
  const announced = (await halfDone(file, sha256)) ?? (await announce(file, sha256));
  try {
    const done = await sendAll(file, announced, progress, signal);
    return await request<Artifact>("GET", path("artifacts", done));
  } catch (error) {
    if (signal.aborted) await request("DELETE", path("uploads", announced.id)).catch(() => undefined);
    throw error;
  }
}

const announce = (file: File, sha256: string | null) =>
  request<Upload>("POST", path("uploads"), {
    body: { name: file.name, size: file.size, ...(sha256 ? { sha256 } : {}) },
  });

/** An upload of the very same bytes that somebody began and did not end. */
async function halfDone(file: File, sha256: string | null): Promise<Upload | undefined> {
  if (sha256 === null || file.size <= PART_BYTES) return undefined;
  const open = await request<Page<Upload>>("GET", path("uploads"), { query: { limit: 1000 } });
  return open.items.find(
    (it) => it.artifact == null && it.name === file.name && it.size === file.size && it.sha256 === sha256,
  );
}

/** Sends what is lacking, part by part, and answers the artifact's id. */
async function sendAll(file: File, from: Upload, progress: Progress, signal: AbortSignal): Promise<number> {
  let { offset } = from;
  let failures = 0;
  for (;;) {
    const share = (sent: number) => progress(file.size === 0 ? 1 : (offset + sent) / file.size, false);
    share(0);
    const part = file.slice(offset, offset + PART_BYTES);
    const answer = await sendPart(from.id, part, offset, share, signal);
    const told = read(answer, offset + part.size);
    switch (told.kind) {
      case "on":
        offset = told.offset;
        failures = 0;
        if (offset === file.size) return artifactOf(from.id);
        break;
      case "elsewhere":
        // Somebody else sent some of it, or more had arrived than the answer told.
        offset = told.offset;
        failures += 1;
        if (offset === file.size) return artifactOf(from.id);
        break;
      case "cut":
        failures += 1;
        progress(offset / Math.max(1, file.size), true);
        await later(pause(failures), signal);
        offset = (await standing(from.id)) ?? offset;
        if (offset === file.size) return artifactOf(from.id);
        break;
      case "refused":
        if (told.status === 401) void fetchRaw("/api/v1/me").catch(() => undefined);
        throw refusal(told.status, answer.text);
    }
    if (failures > TRIES) {
      throw new ProblemError(
        0,
        "upload.broken",
        "The upload broke off",
        "The server has not answered for minutes. Drop the file again: what arrived until now is kept for a day.",
      );
    }
  }
}

/** Where the upload stands by the server's word; nothing while it does not answer. */
async function standing(id: number): Promise<number | undefined> {
  try {
    return (await request<Upload>("GET", path("uploads", id))).offset;
  } catch (error) {
    if (error instanceof ProblemError && error.status !== 0) throw error;
    return undefined;
  }
}

async function artifactOf(id: number): Promise<number> {
  const { artifact } = await request<Upload>("GET", path("uploads", id));
  if (artifact == null)
    throw new ProblemError(
      0,
      "upload.open",
      "The upload is not over",
      "All bytes are sent and no file came of it.",
    );
  return artifact;
}

/** One part. Not `fetch`, which tells no progress of what it sends. */
function sendPart(
  id: number,
  part: Blob,
  offset: number,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("PATCH", path("uploads", id));
    call.setRequestHeader("content-type", "application/offset+octet-stream");
    call.setRequestHeader("upload-offset", String(offset));
    call.upload.onprogress = (event) => progress(event.loaded);
    const settle = () => {
      signal.removeEventListener("abort", abort);
      resolve({
        status: call.status,
        offset: call.getResponseHeader("upload-offset"),
        text: call.responseText,
      });
    };
    const abort = () => {
      call.abort();
      reject(stopped());
    };
    call.onload = settle;
    call.onerror = settle;
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    call.send(part);
  });
}

function later(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(stopped());
      },
      { once: true },
    );
  });
}

const stopped = () => new ProblemError(0, "upload.stopped", "Stopped", "The upload was stopped.");

function refusal(status: number, text: string): ProblemError {
  try {
    const body = JSON.parse(text) as Schemas["Problem"];
    return new ProblemError(status, body.code, body.title, body.detail, body.errors ?? [], body.requestId);
  } catch {
    return new ProblemError(
      status,
      `http.${status}`,
      "The upload was refused",
      `The server answered ${status}.`,
    );
  }
}
