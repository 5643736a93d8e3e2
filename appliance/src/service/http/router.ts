// SPDX-License-Identifier: Apache-2.0
/** Routes as data, and the answers that handlers give. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Scope } from "../../api/access.ts";
import type { BodyName, SchemaName } from "../../api/schemas.ts";
import type { Caller } from "../access/access.ts";

/** A whole answer. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** A request that was let in: its caller may do this, and its body fits the route's schema. */
export interface ApiRequest {
  raw: IncomingMessage;
  response: ServerResponse;
  /** Parts of the path: {name} in the route's path. */
  params: Record<string, string>;
  query: URLSearchParams;
  body: unknown;
  caller: Caller;
  /** The client's address. */
  address: string;
}

/** @returns the answer, or undefined when the handler keeps the response for itself (a stream). */
export type RouteHandler = (request: ApiRequest) => Answer | undefined | Promise<Answer | undefined>;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  method: Method;
  /** The whole path; {name} stands for one part of it. */
  path: string;
  /** What the caller must be allowed to do; open: nothing. */
  access: Scope | "open";
  /** For the API's description; the page's files have none. */
  summary?: string;
  /** What the body must be; absent: there must be none. */
  body?: BodyName;
  /** The body is a file of any size, which the handler reads itself. */
  upload?: true;
  /** Query parameters with their descriptions. */
  query?: Record<string, string>;
  /** What a successful answer contains, by status. */
  answers?: Record<number, SchemaName | "stream" | "text" | "pcap" | "archive">;
  handler: RouteHandler;
}

export function json(value: unknown, status = 200, more: Record<string, string> = {}): Answer {
  const headers = { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", ...more };
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

export const NOTHING: Answer = { status: 204, headers: { "Cache-Control": "no-store" } };

/** So many mistakes are named: whoever corrects them asks again. */
const MAX_ERRORS = 20;

/** An error as RFC 9457 problem details, with our code and the next step. */
export function problem(
  status: number,
  code: string,
  title: string,
  nextStep: string,
  more: { headers?: Record<string, string>; errors?: readonly unknown[] } = {},
): Answer {
  const errors = more.errors === undefined ? {} : { errors: more.errors.slice(0, MAX_ERRORS) };
  const content = { type: `urn:scsigate:problem:${code}`, status, title, code, nextStep, ...errors };
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json; charset=utf-8",
      "Cache-Control": "no-store",
      ...more.headers,
    },
    body: `${JSON.stringify(content)}\n`,
  };
}

export interface Found {
  route: Route;
  params: Record<string, string>;
}

/** Finds the route, or the answer that says why there is none. HEAD is GET without a body. */
export function find(routes: readonly Route[], method: string, path: string): Found | Answer {
  const wanted = method === "HEAD" ? "GET" : method;
  const matching = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params === undefined ? [] : [{ route, params }];
  });
  const found = matching.find((candidate) => candidate.route.method === wanted);
  if (found !== undefined) return found;
  if (matching.length > 0) {
    const methods = matching.map(({ route }) => route.method);
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
    return problem(405, "method-not-allowed", `${method} is not possible here`, `Use one of: ${allow}.`, {
      headers: { Allow: allow },
    });
  }
  return problem(404, "not-found", "there is nothing here", "GET /api/v1/openapi.json says what there is.");
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  if (!pattern.includes("{")) return pattern === path ? {} : undefined;
  const wanted = pattern.split("/");
  const parts = path.split("/");
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const name = /^\{(.+)\}$/.exec(wanted[index] ?? "")?.[1];
    if (name === undefined) {
      if (part !== wanted[index]) return undefined;
    } else if (part === "") return undefined;
    else {
      try {
        params[name] = decodeURIComponent(part);
      } catch {
        return undefined;
      }
    }
  }
  return params;
}
