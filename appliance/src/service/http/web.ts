// SPDX-License-Identifier: Apache-2.0
/** The page, the API and the command line's socket, put together. */
import type { Config } from "../../config/types.ts";
import { toProblem } from "../../shared/errors.ts";
import type { LogBuffer } from "../../shared/logBuffer.ts";
import type { Access } from "../access/access.ts";
import type { Configuration } from "../configuration.ts";
import type { ServiceEnvironment } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import type { SupportArchive } from "../support.ts";
import { accessRoutes } from "./accessApi.ts";
import { apiRoutes } from "./api.ts";
import { assetRoutes } from "./assets.ts";
import { certificateRoutes } from "./certificateApi.ts";
import { configRoutes } from "./configApi.ts";
import { Dispatcher } from "./dispatcher.ts";
import { EventStream } from "./eventStream.ts";
import { ConsoleServer, HttpServer, type Ports } from "./httpServer.ts";
import type { Route } from "./router.ts";
import { systemRoutes } from "./systemApi.ts";
import type { Certificates } from "./tls.ts";

/** Between the answer and the restart that it promises, milliseconds. */
const ANSWER_FIRST_MS = 300;

export interface WebParts {
  state: GatewayState;
  monitor: Monitor;
  configuration: Configuration;
  access: Access;
  certificates: Certificates;
  logs: LogBuffer;
  factoryReset: () => Promise<void>;
  support: () => Promise<SupportArchive>;
  /** Routes of other modules. */
  more: readonly Route[];
}

export class Web {
  readonly #environment: ServiceEnvironment;
  readonly #parts: WebParts;
  readonly #events: EventStream;
  readonly #dispatcher: Dispatcher;
  #console: ConsoleServer | undefined;
  #http: HttpServer | undefined;

  constructor(environment: ServiceEnvironment, parts: WebParts) {
    this.#environment = environment;
    this.#parts = parts;
    const { state, monitor, configuration, access, logs, factoryReset, support, more } = parts;
    const { clock, paths, log, executor } = environment;
    this.#events = new EventStream(monitor, clock);
    const api = [
      ...apiRoutes(state, monitor, this.#events, access),
      ...configRoutes({ configuration, state, clock, factoryReset }),
      ...accessRoutes(access, clock),
      ...certificateRoutes(parts.certificates, () => state.config.config.hostname),
      ...more,
    ];
    const system = systemRoutes({
      others: api,
      version: state.version.version,
      hostname: () => state.config.config.hostname,
      logs,
      restart: () => clock.after(ANSWER_FIRST_MS, environment.restart),
      reboot: () => executor.reboot(),
      support,
    });
    const routes = [...api, ...system, ...assetRoutes(paths.web)];
    this.#dispatcher = new Dispatcher(routes, access, clock, log.child({ module: "http" }));
  }

  /** Ports that are listened on. */
  get ports(): { http: number; https: number } {
    return this.#http?.ports ?? { http: 0, https: 0 };
  }

  /** @throws ScsigateError tls-key-failed, or what the system says to the ports; the command line works nevertheless */
  async start(): Promise<void> {
    const { paths, log, host, clock } = this.#environment;
    const { config } = this.#parts.state.config;
    this.#events.start();
    this.#parts.configuration.onTransaction((transaction) => this.#events.send("transaction", transaction));
    const command = new ConsoleServer(paths.control, this.#dispatcher);
    await command.start().then(
      () => {
        this.#console = command;
      },
      (error: unknown) => log.error({ problem: toProblem(error) }, "no socket for the command line"),
    );
    const { certificates } = this.#parts;
    const material = await certificates.open(config.hostname);
    const http = new HttpServer({ host, ports: this.#wanted(config), material, dispatcher: this.#dispatcher });
    await http.start();
    certificates.attach((next) => http.use(next));
    this.#http = http;
    log.info({ ...http.ports, startedInMs: Math.round(clock.monotonic()) }, "API ready");
  }

  /** Follows a change of the configuration. @throws what the system says to the ports; then the old ones stay */
  async configure(config: Config): Promise<void> {
    await this.#http?.move(this.#wanted(config));
  }

  /** Ends the connections from other machines; whoever may still open one does. */
  disconnect(): void {
    this.#http?.disconnect();
  }

  async stop(): Promise<void> {
    this.#events.stop();
    await this.#http?.stop();
    await this.#console?.stop();
  }

  #wanted({ http }: Config): Ports {
    const { ports } = this.#environment;
    return { http: ports?.http ?? http.port, https: ports?.https ?? http.httpsPort, public: http.publicHttpsPort };
  }
}
