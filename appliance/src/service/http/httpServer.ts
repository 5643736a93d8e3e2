// SPDX-License-Identifier: Apache-2.0
/** HTTPS with the API and the page; plain HTTP that redirects to it. */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { errnoOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type Answer, find, problem, type Route } from "./router.ts";

export interface HttpServerOptions {
  host: string;
  httpPort: number;
  httpsPort: number;
  /** The port that a redirect names. */
  publicHttpsPort: number;
  key: string;
  certificate: string;
  routes: readonly Route[];
  log: Logger;
}

/** Nothing here takes a body yet. */
const MAX_BODY = 0;
const MAX_CONNECTIONS = 256;
/** Against clients that send a byte now and then, milliseconds. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 5000, maxHeaderSize: 8192 };
const IDLE_TIMEOUT_MS = 30_000;

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

const HOST = /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$/;

export class HttpServer {
  readonly #options: HttpServerOptions;
  #https: Server | undefined;
  #http: Server | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** Ports that were really taken; they differ from the options' when those are 0. */
  get ports(): { http: number; https: number } {
    return { http: portOf(this.#http), https: portOf(this.#https) };
  }

  async start(): Promise<void> {
    const { host, httpPort, httpsPort, key, certificate } = this.#options;
    const secure = createHttpsServer(
      { ...LIMITS, key, cert: certificate, minVersion: "TLSv1.2", handshakeTimeout: 10_000 },
      (request, response) => this.#serve(request, response),
    );
    const plain = createHttpServer(LIMITS, (request, response) => this.#redirect(request, response));
    this.#https = secure;
    this.#http = plain;
    for (const server of [secure, plain]) {
      server.maxConnections = MAX_CONNECTIONS;
      server.setTimeout(IDLE_TIMEOUT_MS);
    }
    await listen(secure, host, httpsPort);
    await listen(plain, host, httpPort);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#https, this.#http].map((server) => (server ? close(server) : undefined)));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    let answer: Answer | undefined;
    try {
      answer = this.#answer(request, response);
    } catch (error) {
      this.#options.log.error({ error: String(error), url: request.url }, "request failed");
      answer = problem(500, "internal-error", "the request failed", "Look at the log on the console.");
    }
    if (answer === undefined) return;
    send(request, response, answer);
  }

  #answer(request: IncomingMessage, response: ServerResponse): Answer | undefined {
    const length = Number(request.headers["content-length"] ?? "0");
    if (length > MAX_BODY || request.headers["transfer-encoding"] !== undefined) {
      response.setHeader("Connection", "close");
      return problem(413, "body-too-long", "no request takes a body", "Send none.");
    }
    const [path = "/"] = (request.url ?? "/").split("?");
    return find(this.#options.routes, request.method ?? "GET", path)(request, response);
  }

  /** To the same host and path, by HTTPS. */
  #redirect(request: IncomingMessage, response: ServerResponse): void {
    const match = HOST.exec(request.headers.host ?? "");
    const path = request.url ?? "/";
    if (!match?.[1] || !path.startsWith("/")) {
      send(
        request,
        response,
        problem(400, "bad-host", "the request names no host", "Use https:// and the gateway's address."),
      );
      return;
    }
    const port = this.#options.publicHttpsPort;
    const location = `https://${match[1]}${port === 443 ? "" : `:${port}`}${path}`;
    response.setHeader("Connection", "close");
    send(request, response, { status: 308, headers: { Location: location }, body: "" });
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.body ?? "");
  const length = answer.status === 304 ? {} : { "Content-Length": String(body.length) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  response.end(request.method === "HEAD" || answer.status === 304 ? undefined : body);
}

/** A kernel without IPv6 has no "::"; then all IPv4 addresses it is. */
async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await listenOn(server, host, port);
  } catch (error) {
    if (host !== "::" || !["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(errnoOf(error) ?? "")) throw error;
    await listenOn(server, "0.0.0.0", port);
  }
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  return typeof address === "object" && address !== null ? (address as AddressInfo).port : 0;
}
