// SPDX-License-Identifier: Apache-2.0
/** The service as a whole: its modules in the order in which they start and, backwards, stop. */
import { join } from "node:path";
import type { Version } from "../api/status.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/types.ts";
import { readJson } from "../shared/durable.ts";
import { toProblem } from "../shared/errors.ts";
import { BringUp } from "./bringUp.ts";
import type { ServiceEnvironment } from "./environment.ts";
import { type GatewayState, initialState } from "./gatewayState.ts";
import { apiRoutes } from "./http/api.ts";
import { assetRoutes } from "./http/assets.ts";
import { EventStream } from "./http/eventStream.ts";
import { HttpServer } from "./http/httpServer.ts";
import type { Route } from "./http/router.ts";
import { ensureTls, type TlsMaterial } from "./http/tls.ts";
import { Monitor } from "./monitor.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export class Service {
  readonly #environment: ServiceEnvironment;
  readonly #running: { stop(): void | Promise<void> }[] = [];
  #http: HttpServer | undefined;

  constructor(environment: ServiceEnvironment) {
    this.#environment = environment;
  }

  /** Ports that are listened on. */
  get ports(): { http: number; https: number } {
    return this.#http?.ports ?? { http: 0, https: 0 };
  }

  async start(): Promise<void> {
    const { paths, log, clock } = this.#environment;
    const loaded = await loadConfig(join(paths.data, "config.json"));
    for (const error of loaded.errors) log.error({ error }, "configuration");
    if (loaded.source === "defaults") log.warn("running with defaults");
    const state = initialState(await readVersion(paths.version), loaded);

    const monitor = new Monitor(this.#environment, state);
    const bringUp = new BringUp(this.#environment, state);
    const events = new EventStream(monitor, clock);
    const telemetry = new Telemetry(loaded.config.mqtt, monitor, state, clock, log.child({ module: "telemetry" }));
    this.#running.push(monitor, bringUp, events, telemetry);

    // openssl and the first sample at the same time; the page is there first, then the machine is brought up.
    const [tls] = await Promise.all([this.#tls(loaded.config), monitor.start()]);
    events.start();
    try {
      await this.#startHttp(tls, state, [...apiRoutes(state, monitor, events), ...assetRoutes(paths.web)]);
      this.#environment.executor.ready();
    } catch (error) {
      // The gateway forwards without its page, too.
      state.serviceProblem = toProblem(error);
      log.error({ problem: state.serviceProblem }, "no page and no API");
    }
    await bringUp.start();
    telemetry.start();
  }

  async stop(): Promise<void> {
    await this.#http?.stop();
    for (const module of this.#running.reverse()) await module.stop();
  }

  async #tls(config: Config): Promise<TlsMaterial | Error> {
    const { paths, run, log } = this.#environment;
    return ensureTls(paths.data, config.hostname, run, log).catch((error: Error) => error);
  }

  async #startHttp(tls: TlsMaterial | Error, state: GatewayState, routes: Route[]): Promise<void> {
    if (tls instanceof Error) throw tls;
    const { ports, host, log, clock } = this.#environment;
    const { http } = state.config.config;
    this.#http = new HttpServer({
      host,
      httpPort: ports?.http ?? http.port,
      httpsPort: ports?.https ?? http.httpsPort,
      publicHttpsPort: http.publicHttpsPort,
      ...tls,
      routes,
      log: log.child({ module: "http" }),
    });
    await this.#http.start();
    log.info({ ...this.#http.ports, startedInMs: Math.round(clock.monotonic()) }, "API ready");
  }
}

async function readVersion(path: string): Promise<Version> {
  const value = await readJson(path);
  const field = (name: string): string => {
    const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    return typeof text === "string" ? text : "unknown";
  };
  return { version: field("version"), commit: field("commit") };
}
