// SPDX-License-Identifier: Apache-2.0
/** The page, the API and the command line's socket, put together. */
import type { ConfigError } from "../../api/status.ts";
import type { Config } from "../../config/types.ts";
import type { Cancel } from "../../shared/clock.ts";
import { toProblem } from "../../shared/errors.ts";
import type { LogBuffer } from "../../shared/logBuffer.ts";
import type { Access } from "../access/access.ts";
import type { Configuration } from "../configuration.ts";
import type { Part } from "../environment.ts";
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
import { ConsoleServer, checkPortFree, HttpServer, type Ports } from "./httpServer.ts";
import type { Route } from "./router.ts";
import { systemRoutes } from "./systemApi.ts";
import type { Certificates } from "./tls.ts";

type Environment = Part<"host" | "ports" | "clock" | "restart" | "log", "web" | "control", "reboot">;

/** Between the answer and the restart that it promises, milliseconds. */
const ANSWER_FIRST_MS = 300;
/** Between two attempts to open a port that somebody else has, milliseconds. */
const RETRY_MS = 10_000;

export interface WebParts {
  state: GatewayState;
  monitor: Monitor;
  configuration: Configuration;
  access: Access;
  certificates: Certificates;
  logs: LogBuffer;
  factoryReset: () => Promise<void>;
  support: () => Promise<SupportArchive>;
  /** Called once, when the page is there. */
  ready: () => void;
  /** Routes of other modules. */
  more: readonly Route[];
}

export class Web {
  readonly #environment: Environment;
  readonly #parts: WebParts;
  readonly #events: EventStream;
  readonly #dispatcher: Dispatcher;
  #console: ConsoleServer | undefined;
  #http: HttpServer | undefined;
  #isReady = false;
  #cancelRetry: Cancel | undefined;
  #stopped = false;
  /** Opening and moving, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(environment: Environment, parts: WebParts) {
    this.#environment = environment;
    this.#parts = parts;
    const { state, monitor, configuration, access, logs, factoryReset, support, more } = parts;
    const { clock, paths, log, executor } = environment;
    this.#events = new EventStream(state.events, monitor, configuration, clock);
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

  /** The command line works also while there is no page; what keeps it away is in the state, and tried again. */
  async start(): Promise<void> {
    const { paths, log } = this.#environment;
    this.#events.start();
    const command = new ConsoleServer(paths.control, this.#dispatcher);
    await command.start().then(
      () => {
        this.#console = command;
      },
      (error: unknown) => log.error({ problem: toProblem(error) }, "no socket for the command line"),
    );
    await this.#inTurn(() => this.#open());
  }

  /** What of a configuration's ports somebody else has. */
  async takenPorts(config: Config): Promise<ConfigError[]> {
    const { host } = this.#environment;
    const wanted = this.#wanted(config);
    const own = Object.values(this.ports);
    const errors: ConfigError[] = [];
    for (const [path, port] of [
      ["/http/port", wanted.http],
      ["/http/httpsPort", wanted.https],
    ] as const) {
      if (port === 0 || own.includes(port)) continue;
      await checkPortFree(host, port).catch((error: unknown) => {
        const { message, nextStep } = toProblem(error);
        errors.push({ path, message, nextStep });
      });
    }
    return errors;
  }

  /** Follows a change of the configuration. @throws ScsigateError port-taken; then the old ports stay */
  configure(config: Config): Promise<void> {
    return this.#inTurn(async () => {
      await this.#http?.move(this.#wanted(config));
      await this.#open();
    });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Opens what is not open yet. */
  async #open(): Promise<void> {
    this.#cancelRetry?.();
    if (this.#stopped) return;
    const { log, clock } = this.#environment;
    const { state } = this.#parts;
    try {
      this.#http ??= await this.#server();
      await this.#http.start();
      if (state.serviceProblem !== undefined) log.info({ problem: state.serviceProblem }, "problem solved");
      state.serviceProblem = undefined;
    } catch (error) {
      const found = toProblem(error);
      if (state.serviceProblem?.message !== found.message) log.error({ problem: found }, "the page");
      state.serviceProblem = found;
      this.#cancelRetry = clock.after(RETRY_MS, () => void this.#inTurn(() => this.#open()));
    }
    if (this.#isReady || this.ports.https === 0) return;
    this.#isReady = true;
    log.info({ ...this.ports, startedInMs: Math.round(clock.monotonic()) }, "API ready");
    this.#parts.ready();
  }

  /** @throws ScsigateError tls-key-failed */
  async #server(): Promise<HttpServer> {
    const { certificates, state } = this.#parts;
    const { config } = state.config;
    const material = await certificates.open(config.hostname);
    const { host } = this.#environment;
    const http = new HttpServer({ host, ports: this.#wanted(config), material, dispatcher: this.#dispatcher });
    certificates.attach((next) => http.use(next));
    return http;
  }

  /** Ends the connections from other machines; whoever may still open one does. */
  disconnect(): void {
    this.#http?.disconnect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#events.stop();
    await this.#queue;
    await this.#http?.stop();
    await this.#console?.stop();
  }

  #wanted({ http }: Config): Ports {
    const { ports } = this.#environment;
    return { http: ports?.http ?? http.port, https: ports?.https ?? http.httpsPort, public: http.publicHttpsPort };
  }
}
