// SPDX-License-Identifier: Apache-2.0
/**
 * A bundle from a web server: with redirects, a time-out, and, when the connection breaks, from where it broke. What
 * comes need not be trusted: its signature is checked afterwards.
 */
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { Backoff } from "../../shared/backoff.ts";
import type { Clock } from "../../shared/clock.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import { checkSize, type IncomingFile } from "./receive.ts";

/** Without a byte, milliseconds; then the connection is given up. */
const IDLE_MS = 30_000;
/** One after the other without a byte in between. */
const TRIES = 6;
const RETRY = { firstMs: 1000, longestMs: 30_000 };
const MAX_REDIRECTS = 5;

export interface DownloadOptions {
  url: string;
  file: IncomingFile;
  /** Our data folder. */
  data: string;
  clock: Clock;
  signal: AbortSignal;
  onProgress: (bytes: number, total: number | null) => void;
}

/** Why one attempt is over, where another one may help. */
class Broken extends Error {}

/** @throws ScsigateError update-download-failed, update-no-room, update-too-long */
export async function download(options: DownloadOptions): Promise<void> {
  const { file, clock, signal } = options;
  const backoff = new Backoff(RETRY);
  const content: Content = { tag: undefined };
  for (let failures = 0; ; ) {
    const before = file.bytes;
    try {
      await attempt(options, content);
      return;
    } catch (error) {
      if (signal.aborted) throw failed("it was cancelled", "Begin it again when you like.");
      if (!(error instanceof Broken)) throw error;
      if (file.bytes > before) {
        failures = 0;
        backoff.reset();
      }
      failures += 1;
      if (failures >= TRIES) throw failed(error.message, "Check the address, the gateway's network, and the server.");
      await pause(backoff.next(), clock, signal);
    }
  }
}

/** What the server says of the file. */
interface Content {
  /** Names exactly this content; without one a broken transfer begins anew. */
  tag: string | undefined;
}

async function attempt(options: DownloadOptions, content: Content): Promise<void> {
  const { file, data, signal, onProgress } = options;
  const { tag } = content;
  if (tag === undefined) await file.restart();
  const from = file.bytes;
  const resume: Record<string, string> =
    tag === undefined || from === 0 ? {} : { Range: `bytes=${from}-`, "If-Range": tag };
  const response = await request(options.url, resume, signal, MAX_REDIRECTS);
  try {
    const { statusCode = 0, headers } = response;
    if (statusCode === 200 && from > 0)
      await file.restart(); // another file, or a server that cannot resume
    else if (statusCode !== 200 && statusCode !== 206) throw refused(statusCode);
    const length = headers["content-length"] === undefined ? undefined : Number(headers["content-length"]);
    const total = length === undefined ? undefined : file.bytes + length;
    await checkSize(length, data);
    content.tag = strongTag(response);
    onProgress(file.bytes, total ?? null);
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        await file.write(chunk);
        onProgress(file.bytes, total ?? null);
      }
    } catch (error) {
      if (error instanceof ScsigateError) throw error;
      throw new Broken(toProblem(error).message);
    }
    if (total !== undefined && file.bytes < total) throw new Broken("the connection broke");
  } finally {
    response.destroy();
  }
}

function request(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
  redirects: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.startsWith("https:") ? httpsGet : httpGet;
    const outgoing = get(url, { headers, signal, timeout: IDLE_MS }, (response) => {
      const { statusCode = 0, headers: answered } = response;
      if (statusCode < 300 || statusCode >= 400 || answered.location === undefined) return resolve(response);
      response.destroy();
      const next = URL.canParse(answered.location, url) ? new URL(answered.location, url).href : "";
      if (redirects === 0 || !isWebAddress(next) || (url.startsWith("https:") && !next.startsWith("https:"))) {
        return reject(failed(`the server sends us on to ${next || "nowhere"}`, "Give the file's own address."));
      }
      request(next, headers, signal, redirects - 1).then(resolve, reject);
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`nothing came for ${IDLE_MS / 1000} s`)));
    outgoing.once("error", (error) => reject(connectionError(error)));
  });
}

/** A certificate does not get better by trying again; most else does. */
function connectionError(error: Error): Error {
  if (/certificate|self.signed|altname|unable to verify/i.test(error.message)) {
    return failed(
      `the server's certificate is not trusted: ${error.message}`,
      "Check the gateway's clock and the server's certificate, or use http:// here: the bundle itself is signed.",
    );
  }
  return new Broken(error.message);
}

export function isWebAddress(url: string): boolean {
  return /^https?:\/\/[^\s]+$/.test(url) && URL.canParse(url);
}

/** What names exactly this content (RFC 9110, 8.8.3 and 13.1.5). */
function strongTag({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers;
  return etag !== undefined && !etag.startsWith("W/") ? etag : headers["last-modified"];
}

function refused(status: number): Error {
  if (status >= 500 || status === 429 || status === 408) return new Broken(`the server says ${status}`);
  const nextStep = status === 401 || status === 403 ? "The server wants a login." : "Check the address.";
  return failed(`the server says ${status}`, nextStep);
}

function failed(reason: string, nextStep: string): ScsigateError {
  return new ScsigateError("update-download-failed", `the bundle could not be fetched: ${reason}`, nextStep);
}

function pause(milliseconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(milliseconds, done);
    signal.addEventListener("abort", done);
  });
}
