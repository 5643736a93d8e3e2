// SPDX-License-Identifier: Apache-2.0
/** Sockets: HTTPS with the API and the page, plain HTTP that redirects to it, and the command line's own. */
import { chmod, rm } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { errnoOf, ScsigateError } from "../../shared/errors.ts";
import type { TlsMaterial } from "./certificate.ts";
import { type Dispatcher, send, targetOf } from "./dispatcher.ts";
import { problem } from "./router.ts";

export interface Ports {
  http: number;
  https: number;
  /** The port that a redirect names. */
  public: number;
}

export interface HttpServerOptions {
  host: string;
  ports: Ports;
  material: TlsMaterial;
  dispatcher: Dispatcher;
}

const MAX_CONNECTIONS = 256;
/**
 * Against clients that send a byte now and then, milliseconds. A whole request may take as long as an update needs to be
 * sent; the dispatcher limits all others.
 */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 0, keepAliveTimeout: 5000, maxHeaderSize: 8192 };
const IDLE_TIMEOUT_MS = 30_000;
const HOST = /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$/;

export class HttpServer {
  readonly #options: HttpServerOptions;
  #material: TlsMaterial;
  #ports: Ports;
  #https: HttpsServer | undefined;
  #http: Server | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#material = options.material;
    this.#ports = options.ports;
  }

  /** Ports that were really taken; they differ from the options' when those are 0. */
  get ports(): { http: number; https: number } {
    return { http: portOf(this.#http), https: portOf(this.#https) };
  }

  /**
   * Opens what is not open yet: the page also where the port that leads to it cannot be had.
   * @throws ScsigateError port-taken
   */
  async start(): Promise<void> {
    const { host, dispatcher } = this.#options;
    const failures: unknown[] = [];
    const open = async <S extends Server>(server: S, port: number): Promise<S | undefined> => {
      server.maxConnections = MAX_CONNECTIONS;
      server.setTimeout(IDLE_TIMEOUT_MS);
      try {
        await listen(server, host, port);
        return server;
      } catch (error) {
        failures.push(error);
        return undefined;
      }
    };
    this.#https ??= await open(
      createHttpsServer(
        { ...LIMITS, ...secureOptions(this.#material), handshakeTimeout: 10_000 },
        (request, response) => void dispatcher.serve(request, response, false),
      ),
      this.#ports.https,
    );
    this.#http ??= await open(
      createHttpServer(LIMITS, (request, response) => this.#redirect(request, response)),
      this.#ports.http,
    );
    if (failures.length > 0) throw failures[0];
  }

  async stop(): Promise<void> {
    await Promise.all([this.#https, this.#http].map((server) => (server ? close(server) : undefined)));
    this.#https = undefined;
    this.#http = undefined;
  }

  /**
   * Moves to other ports; with one that cannot be had, back to the old ones.
   * @throws ScsigateError port-taken
   */
  async move(ports: Ports): Promise<void> {
    const before = this.#ports;
    this.#ports = ports;
    if (ports.http === before.http && ports.https === before.https) return;
    await this.stop();
    try {
      await this.start();
    } catch (error) {
      await this.stop();
      this.#ports = before;
      await this.start().catch(() => {}); // the first failure is the one to tell
      throw error;
    }
  }

  /** From the next connection on; those that are open stay. @throws what OpenSSL says; then the old pair stays */
  use(material: TlsMaterial): void {
    this.#https?.setSecureContext(secureOptions(material));
    this.#material = material;
  }

  /** Ends every connection; new ones are accepted. */
  disconnect(): void {
    this.#https?.closeAllConnections();
  }

  /** To the same host and path, by HTTPS. */
  #redirect(request: IncomingMessage, response: ServerResponse): void {
    const match = HOST.exec(request.headers.host ?? "");
    const path = targetOf(request);
    if (!match?.[1] || !path.startsWith("/")) {
      const nextStep = "Use https:// and the gateway's address.";
      send(request, response, problem(400, "bad-host", "the request names no host", nextStep));
      return;
    }
    const port = this.#ports.public;
    const location = `https://${match[1]}${port === 443 ? "" : `:${port}`}${path}`;
    response.setHeader("Connection", "close");
    send(request, response, { status: 308, headers: { Location: location }, body: "" });
  }
}

function secureOptions({ key, certificate }: TlsMaterial) {
  return { key, cert: certificate, minVersion: "TLSv1.2" } as const;
}

/** The command line's socket: whoever may open it may do everything, so its mode is the lock. */
export class ConsoleServer {
  readonly #path: string;
  readonly #server: Server;

  constructor(path: string, dispatcher: Dispatcher) {
    this.#path = path;
    this.#server = createHttpServer(LIMITS, (request, response) => void dispatcher.serve(request, response, true));
  }

  async start(): Promise<void> {
    await rm(this.#path, { force: true }); // of a service that was killed
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#path, resolve);
    });
    await chmod(this.#path, 0o600);
  }

  async stop(): Promise<void> {
    await close(this.#server);
  }
}

/** Whether somebody else has a port. @throws ScsigateError port-taken */
export async function checkPortFree(host: string, port: number): Promise<void> {
  const server = createHttpServer();
  await listen(server, host, port);
  await close(server);
}

/** A kernel without IPv6 has no "::"; then all IPv4 addresses it is. @throws ScsigateError port-taken */
async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await listenOn(server, host, port).catch((error: unknown) => {
      if (host !== "::" || !["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(errnoOf(error) ?? "")) throw error;
      return listenOn(server, "0.0.0.0", port);
    });
  } catch (error) {
    const message =
      errnoOf(error) === "EADDRINUSE"
        ? `another program on this machine has port ${port}`
        : `port ${port} cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
    const nextStep =
      "Give the page another port (http.port, http.httpsPort), or end that program: `ss -tlnp` names it.";
    throw new ScsigateError("port-taken", message, nextStep, { cause: error });
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
