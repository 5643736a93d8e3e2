// SPDX-License-Identifier: Apache-2.0
/** Sends the log to a log server as well, when that is switched on. While the server is away, the last lines wait. */
import type { SyslogConfig } from "../../config/types.ts";
import { canonical } from "../../shared/json.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import { SyslogConnection } from "./connection.ts";
import { formatSyslog, severityOf } from "./rfc5424.ts";

type Environment = Part<"clock" | "logs" | "log">;

/** Messages that wait for the server; at most 2 MiB, usually a tenth. */
const MAX_WAITING = 1000;

export class Syslog {
  readonly #environment: Environment;
  readonly #state: GatewayState;
  readonly #unsubscribe: (() => void)[] = [];
  #config: SyslogConfig | undefined;
  #connection: SyslogConnection | undefined;
  #waiting: string[] = [];
  #lost = 0;

  constructor(environment: Environment, state: GatewayState) {
    this.#environment = environment;
    this.#state = state;
  }

  start(): void {
    this.#unsubscribe.push(
      this.#environment.logs.onLine((line) => this.#line(line)),
      this.#state.events.on("config", () => this.#configure(this.#state.config.config.syslog)),
    );
    this.#configure(this.#state.config.config.syslog);
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#connection?.stop();
  }

  /** At start, and when its part of the configuration has changed. */
  #configure(config: SyslogConfig): void {
    if (canonical(config) === canonical(this.#config)) return;
    this.#config = config;
    this.#connection?.stop();
    this.#connection = undefined;
    this.#state.syslogProblem = undefined;
    if (!config.enabled) {
      this.#waiting = [];
      return;
    }
    this.#connection = new SyslogConnection(config, this.#environment.clock, {
      onOpen: () => this.#opened(),
      onFailure: (reason) => this.#failed(config, reason),
    });
    this.#connection.start();
  }

  #line(line: string): void {
    if (this.#config?.enabled !== true) return;
    const message = formatSyslog(line, this.#state.config.config.hostname);
    if (message === undefined || message.severity > severityOf(this.#config.level)) return;
    if (this.#connection?.open) {
      this.#connection.send(message.text);
      return;
    }
    this.#waiting.push(message.text);
    if (this.#waiting.length <= MAX_WAITING) return;
    this.#waiting.shift();
    this.#lost += 1;
  }

  #opened(): void {
    this.#state.syslogProblem = undefined;
    const waiting = this.#waiting;
    const lost = this.#lost;
    this.#waiting = [];
    this.#lost = 0;
    for (const text of waiting) this.#connection?.send(text);
    if (lost > 0) this.#environment.log.warn({ lost }, "log lines did not fit while the log server was away");
  }

  #failed(config: SyslogConfig, reason: string): void {
    const news = this.#state.syslogProblem === undefined;
    this.#state.syslogProblem = {
      code: "log-server-unreachable",
      message: `the log server ${config.host}:${config.port} does not get the log: ${reason}`,
      nextStep: "Check that it runs and that syslog.host, port and transport name it.",
    };
    if (news) this.#environment.log.warn({ reason }, "log server");
  }
}
