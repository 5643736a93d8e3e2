// SPDX-License-Identifier: Apache-2.0
/** Calls of the gateway's API: every failure becomes a problem with a code, a cause and a next step. */
import type { SessionView } from "@scsigate/appliance/api/access";
import { isObject } from "@scsigate/appliance/json";
import { strings } from "../strings.ts";
import { session } from "./store.ts";

/** Longest wait for an answer, milliseconds: a plan looks at the machine, all else is quicker. */
const TIMEOUT_MS = 15_000;

export interface Detail {
  path: string;
  message: string;
  nextStep: string;
}

/** What went wrong, as it is shown. */
export interface ShownProblem {
  code: string;
  title: string;
  nextStep: string;
  errors: Detail[];
}

export class ApiError extends Error {
  readonly problem: ShownProblem;

  constructor(problem: ShownProblem) {
    super(problem.title);
    this.name = "ApiError";
    this.problem = problem;
  }
}

export interface Called<T> {
  value: T;
  etag: string;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** @throws ApiError */
export async function call<T>(
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  timeoutMs = TIMEOUT_MS,
): Promise<Called<T>> {
  const ask = () => request<T>(method, path, body, headers, timeoutMs);
  try {
    return await ask();
  } catch (error) {
    if (problemOf(error).code !== "csrf-token-missing") throw error;
    // The same user logged in again on another page, which replaced the session that this one knows.
    const user = session.value?.user;
    session.value = (await request<SessionView>("GET", "/api/v1/session", undefined, {}, TIMEOUT_MS)).value;
    if (session.value.user !== user) throw error;
    return ask();
  }
}

/** @throws ApiError */
async function request<T>(
  method: Method,
  path: string,
  body: unknown,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<Called<T>> {
  const token = session.value?.csrfToken;
  const init: RequestInit = {
    method,
    cache: "no-store",
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(method === "GET" || !token ? {} : { "X-CSRF-Token": token }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    text = await response.text();
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError({ ...(late ? strings.slowAnswer : strings.noAnswer), errors: [] });
  }
  let content: unknown;
  try {
    content = /json/.test(response.headers.get("Content-Type") ?? "") ? JSON.parse(text) : undefined;
  } catch {
    throw new ApiError(toProblem(undefined, response.status)); // cut off, or of something in between
  }
  if (!response.ok) {
    const problem = toProblem(content, response.status);
    if (problem.code === "login-needed" && session.value) {
      session.value = { ...session.value, user: null, scope: null, via: "none", csrfToken: null };
    }
    throw new ApiError(problem);
  }
  return { value: content as T, etag: response.headers.get("ETag") ?? "*" };
}

/** What a catch block shows. */
export function problemOf(error: unknown): ShownProblem {
  if (error instanceof ApiError) return error.problem;
  return { code: "page-error", title: String(error), nextStep: strings.pageError, errors: [] };
}

/** What an answer says that is a refusal. */
export function toProblem(content: unknown, status: number): ShownProblem {
  const { code, title, nextStep, errors } = isObject(content) ? content : {};
  const known = typeof code === "string" ? code : `http-${status}`;
  const details = Array.isArray(errors) ? errors.filter(isObject).map(toDetail) : [];
  // The API speaks to programs; where a person reads something else, the catalogue says so.
  const listed = details.length > 0 ? strings.listed : undefined;
  return {
    code: known,
    title:
      listed?.titles[known] ??
      strings.titles[known] ??
      (typeof title === "string" ? title : strings.strangeAnswer(status)),
    nextStep:
      listed?.nextSteps[known] ??
      strings.nextSteps[known] ??
      (typeof nextStep === "string" ? nextStep : strings.pageError),
    errors: details,
  };
}

function toDetail({ path, message, nextStep }: Record<string, unknown>): Detail {
  return { path: String(path ?? ""), message: String(message ?? ""), nextStep: String(nextStep ?? "") };
}
