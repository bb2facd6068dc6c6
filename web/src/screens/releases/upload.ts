/**
 * Uploads a file with its digest and its progress.
 *
 * The digest is made here first, so that the server refuses bytes that changed on their way. Where the browser has no
 * digests (a page without TLS that is not local) or the file is very large, the server's own digest is shown alone.
 */
import { fetchRaw } from "../../api/client";
import { ProblemError, type Schemas } from "../../kit/api";

type Artifact = Schemas["Artifact"];

const DIGEST_UP_TO = 512 * 1024 * 1024;

/** SHA-256 as hex; nothing where it cannot be had. */
export async function digest(file: Blob): Promise<string | null> {
  if (!globalThis.isSecureContext || file.size > DIGEST_UP_TO) return null;
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends the bytes; `progress` gets shares from 0 to 1. */
export async function upload(
  file: File,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<Artifact> {
  const sha256 = await digest(file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/artifacts?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    if (sha256) request.setRequestHeader("x-content-sha256", sha256);
    request.upload.onprogress = (event) => progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status === 201 || request.status === 200)
        resolve(JSON.parse(request.responseText) as Artifact);
      else reject(refusal(request));
    };
    request.onerror = () =>
      reject(
        new ProblemError(
          0,
          "server.unreachable",
          "The upload broke off",
          "The server does not answer. Try again.",
        ),
      );
    request.onabort = () =>
      reject(new ProblemError(0, "upload.stopped", "Stopped", "The upload was stopped."));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function refusal(request: XMLHttpRequest): ProblemError {
  const { status } = request;
  // Lets the session know, if that is what has ended; the answer itself is of no interest here.
  if (status === 401) void fetchRaw("/api/v1/me").catch(() => undefined);
  try {
    const body = JSON.parse(request.responseText) as Schemas["Problem"];
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
