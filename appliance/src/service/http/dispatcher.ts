// SPDX-License-Identifier: Apache-2.0
/**
 * From a request to its answer: route, caller, permission, body, handler; and an answer for everything that goes wrong
 * on the way.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../shared/clock.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { Throttle } from "../../shared/throttle.ts";
import { type Access, type Caller, CONSOLE, mayDo } from "../access/access.ts";
import { ConfigRefused } from "../configRefused.ts";
import { type Body, readBody } from "./body.ts";
import { type Answer, find, problem, type Route } from "./router.ts";

/** The page loads nothing from elsewhere and no inline code, and nobody may frame it. */
const SECURITY_HEADERS: Record<string, string> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
};

/** From the end of its headers, milliseconds; a file may take longer, as long as something comes. */
const BODY_TIMEOUT_MS = 15_000;

const STATUS: Partial<Record<string, number>> = {
  "access-invalid": 409,
  "access-unreadable": 503,
  "adapter-update-refused": 409,
  "capture-busy": 409,
  "capture-missing": 404,
  "certificate-invalid": 422,
  "config-busy": 409,
  "config-conflict": 412,
  "config-gone": 404,
  "config-invalid": 422,
  "config-not-waiting": 409,
  "config-unchanged": 409,
  "data-unwritable": 507,
  "gpio-unusable": 409,
  "range-invalid": 422,
  "segment-missing": 404,
  "segment-not-configured": 409,
  "station-change-invalid": 422,
  "station-is-yours": 409,
  "station-no-address": 409,
  "station-no-server": 409,
  "station-unknown": 404,
  "update-busy": 409,
  "update-damaged": 422,
  "update-download-failed": 422,
  "update-no-bundle": 422,
  "update-no-image": 409,
  "update-no-room": 507,
  "update-no-slot": 409,
  "update-not-newer": 409,
  "update-not-ready": 409,
  "update-not-trusted": 422,
  "update-too-long": 413,
  "update-wrong-board": 422,
};

export class Dispatcher {
  readonly #routes: readonly Route[];
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #strangers: Throttle;

  constructor(routes: readonly Route[], access: Access, clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#routes = routes;
    this.#access = access;
    this.#log = log;
    this.#strangers = new Throttle(clock, log);
  }

  /** @param local whether it came over the gateway's own socket */
  async serve(request: IncomingMessage, response: ServerResponse, local: boolean): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    let answer: Answer | undefined;
    try {
      answer = await this.#answer(request, response, local);
    } catch (error) {
      answer = this.#failed(error, request);
    }
    if (answer === undefined || response.headersSent || response.destroyed) return;
    // What was not read of a body would be taken for the next request.
    if (!request.complete && answer.status >= 400) response.setHeader("Connection", "close");
    send(request, response, answer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, local: boolean): Promise<Answer | undefined> {
    const [path = "/", search = ""] = targetOf(request).split("?", 2);
    const found = find(this.#routes, request.method ?? "GET", path);
    if ("status" in found) return found;
    const { route, params } = found;
    const caller = local ? CONSOLE : this.#access.identify(request);
    const refusal = this.#refusal(route, caller, request, local);
    if (refusal !== undefined) return refusal;
    const body = await this.#body(request, route);
    if ("status" in body) return body;
    const address = local ? "console" : (request.socket.remoteAddress ?? "");
    const query = new URLSearchParams(search);
    const answer = await route.handler({ raw: request, response, params, query, body: body.value, caller, address });
    if (route.method !== "GET") {
      const { method } = route;
      const fields = { method, path, user: caller.name, via: caller.via, address, status: answer?.status };
      // Whoever is not logged in can send as many as they like.
      if (caller.via === "none") this.#strangers.write("info", address, fields, "request");
      else this.#log.info(fields, "request");
    }
    return answer;
  }

  /** A client that sends a byte now and then does not get far. */
  async #body(request: IncomingMessage, route: Route): Promise<Body> {
    if (route.upload === true) return { value: undefined };
    const cancel = this.#clock.after(BODY_TIMEOUT_MS, () => request.destroy());
    try {
      return await readBody(request, route.body);
    } finally {
      cancel();
    }
  }

  #refusal(route: Route, caller: Caller, request: IncomingMessage, local: boolean): Answer | undefined {
    if (route.method !== "GET" && !local) {
      // A browser names the page that asks; another program names none.
      const origin = request.headers.origin;
      if (origin !== undefined && !isOwnOrigin(origin, request.headers.host)) {
        return problem(
          403,
          "wrong-origin",
          "the request comes from another site's page",
          "Use the gateway's own page.",
        );
      }
    }
    if (route.access === "open") return undefined;
    if (!mayDo(caller.scope, route.access)) return this.#notAllowed(route.access, caller);
    const token = request.headers["x-csrf-token"];
    if (route.method !== "GET" && caller.session !== undefined && token !== caller.session.csrfToken) {
      const nextStep = "Send the csrfToken of GET /api/v1/session in the header X-CSRF-Token.";
      return problem(403, "csrf-token-missing", "the request lacks its session's token", nextStep);
    }
    return undefined;
  }

  #notAllowed(needed: string, caller: Caller): Answer {
    if (caller.via !== "none") {
      const title = `this needs the scope ${needed}; ${caller.name} has ${caller.scope}`;
      return problem(403, "not-allowed", title, "Use another user or key, or have its scope changed.");
    }
    if (this.#access.setupNeeded) {
      const nextStep = "POST the token that the console shows, a name and a password to /api/v1/setup.";
      return problem(401, "setup-needed", "the gateway has no administrator yet", nextStep);
    }
    return problem(401, "login-needed", "a login or an API key is needed", "POST name and password to /api/v1/login.", {
      headers: { "WWW-Authenticate": 'Bearer realm="scsigate"' },
    });
  }

  #failed(error: unknown, request: IncomingMessage): Answer {
    if (error instanceof ScsigateError) {
      const errors = error instanceof ConfigRefused && error.errors.length > 0 ? { errors: error.errors } : {};
      return problem(STATUS[error.code] ?? 500, error.code, error.message, error.nextStep, errors);
    }
    this.#log.error({ error: String(error), url: request.url }, "request failed");
    return problem(500, "internal-error", "the request failed", "Look at the log; report it if it stays.");
  }
}

/**
 * What a request asks for, as a path: proxies write the whole address (RFC 9112, section 3.2.2).
 * @returns the path with its query; of another form, what stands there
 */
export function targetOf({ url = "/" }: IncomingMessage): string {
  const [, path] = /^https?:\/\/[^/?]*(.*)$/i.exec(url) ?? [];
  if (path === undefined) return url;
  return path.startsWith("/") ? path : `/${path}`;
}

/** Whether a page is the gateway's own. HTTPS's port may be named in either header, and names are the same in any case. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const own = `https://${host ?? ""}`;
  return URL.canParse(own) && URL.canParse(origin) && new URL(origin).origin === new URL(own).origin;
}

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body ?? "");
  const empty = answer.status === 304 || answer.status === 204;
  const length = empty ? {} : { "Content-Length": String(body.length) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  response.end(request.method === "HEAD" || empty ? undefined : body);
}
