// SPDX-License-Identifier: Apache-2.0
/** Routes as data, and the answers that handlers give. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** A whole answer. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** @returns the answer, or undefined when the handler keeps the response for itself (a stream). */
export type RouteHandler = (request: IncomingMessage, response: ServerResponse) => Answer | undefined;

export interface Route {
  method: "GET";
  /** The whole path; there are no parameters yet. */
  path: string;
  handler: RouteHandler;
}

export function json(value: unknown, status = 200): Answer {
  const headers = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" };
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

/** An error as RFC 9457 problem details, with our code and the next step. */
export function problem(status: number, code: string, title: string, nextStep: string): Answer {
  const body = `${JSON.stringify({ type: "about:blank", status, title, code, nextStep })}\n`;
  return {
    status,
    headers: { "Content-Type": "application/problem+json; charset=utf-8", "Cache-Control": "no-store" },
    body,
  };
}

/** Finds the route's handler, or the answer that says why there is none. HEAD is GET without a body. */
export function find(routes: readonly Route[], method: string, path: string): RouteHandler {
  const wanted = method === "HEAD" ? "GET" : method;
  const matching = routes.filter((route) => route.path === path);
  const route = matching.find((candidate) => candidate.method === wanted);
  if (route) return route.handler;
  if (matching.length > 0) {
    const answer = problem(405, "method-not-allowed", `${method} is not possible here`, "Use GET.");
    return () => ({ ...answer, headers: { ...answer.headers, Allow: "GET, HEAD" } });
  }
  return () => problem(404, "not-found", "there is nothing here", "The page is at /, the state at /api/v1/status.");
}
