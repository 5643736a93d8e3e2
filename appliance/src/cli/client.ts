// SPDX-License-Identifier: Apache-2.0
/** One request over the service's socket. */
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

export function socketClient(socketPath: string): Call {
  return (method, path, body, more = {}) =>
    new Promise((resolve, reject) => {
      const type = body === undefined ? {} : { "Content-Type": "application/json" };
      const outgoing = request({ socketPath, method, path, headers: { ...type, ...more } }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const answer = Buffer.concat(chunks);
          const isJson = answer.length > 0 && /json/.test(response.headers["content-type"] ?? "");
          const json: unknown = isJson ? JSON.parse(answer.toString()) : undefined;
          resolve({ status: response.statusCode ?? 0, json, body: answer });
        });
      });
      outgoing.on("error", (error) => reject(explain(error, socketPath)));
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
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
