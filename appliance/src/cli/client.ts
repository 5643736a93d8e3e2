// SPDX-License-Identifier: Apache-2.0
/** Requests over the service's socket. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { request } from "node:http";
import { errnoOf } from "../shared/errors.ts";

export interface Reply {
  status: number;
  /** The body, where it is JSON. */
  json: unknown;
  body: Buffer;
}

/** @throws CliError when the service cannot be reached */
export type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;

/** A failure in words: what happened, and what to do. */
export class CliError extends Error {
  readonly nextStep: string;
  /** The gateway's code for it; undefined when it is ours. */
  readonly code: string | undefined;

  constructor(message: string, nextStep: string, code?: string) {
    super(message);
    this.nextStep = nextStep;
    this.code = code;
  }
}

/** Sends a file as it is. @throws CliError when it cannot be read, or the service cannot be reached */
export type Upload = (path: string, file: string) => Promise<Reply>;

export function socketClient(socketPath: string): Call {
  return (method, path, body, more = {}) => {
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    return exchange(socketPath, { method, path, headers: { ...type, ...more } }, (outgoing) =>
      outgoing.end(body === undefined ? undefined : JSON.stringify(body)),
    );
  };
}

export function socketUpload(socketPath: string): Upload {
  return async (path, file) => {
    const unreadable = (error: unknown) =>
      new CliError(error instanceof Error ? error.message : String(error), "Check the file's name.");
    const { size } = await stat(file).catch((error: unknown) => {
      throw unreadable(error);
    });
    const headers = { "Content-Type": "application/octet-stream", "Content-Length": String(size) };
    return exchange(socketPath, { method: "POST", path, headers }, (outgoing, fail) => {
      createReadStream(file)
        .once("error", (error) => {
          outgoing.destroy();
          fail(unreadable(error));
        })
        .pipe(outgoing);
    });
  };
}

type Outgoing = ReturnType<typeof request>;

function exchange(
  socketPath: string,
  options: { method: string; path: string; headers: Record<string, string> },
  send: (outgoing: Outgoing, fail: (error: Error) => void) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = request({ socketPath, ...options }, (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const answer = Buffer.concat(chunks);
        const isJson = answer.length > 0 && /json/.test(response.headers["content-type"] ?? "");
        const json: unknown = isJson ? JSON.parse(answer.toString()) : undefined;
        resolve({ status: response.statusCode ?? 0, json, body: answer });
      });
    });
    outgoing.on("error", (error) => {
      // A refusal comes before all of a file has gone.
      if (!answered) reject(explain(error, socketPath));
    });
    send(outgoing, reject);
  });
}

function explain(error: Error, socketPath: string): CliError {
  switch (errnoOf(error)) {
    case "EACCES":
      return new CliError(`${socketPath} may not be opened`, "Run this as root.");
    case "ENOENT":
    case "ECONNREFUSED":
      return new CliError("the supervisor does not run", "It comes back by itself; the console says why it ended.");
    default:
      return new CliError(error.message, "Look at the log on the console.");
  }
}
