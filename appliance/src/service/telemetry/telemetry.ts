// SPDX-License-Identifier: Apache-2.0
/** Telemetry over MQTT: starts when the gateway knows its id, and anew when its part of the configuration changes. */
import { join } from "node:path";
import type { TelemetryView } from "../../api/telemetry.ts";
import type { MqttConfig } from "../../config/types.ts";
import { type Problem, toProblem } from "../../shared/errors.ts";
import { canonical } from "../../shared/json.ts";
import type { Logger } from "../../shared/log.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { EventStore } from "./eventStore.ts";
import { EventNames, type GatewayEvent } from "./events.ts";
import { RecentMessages } from "./recentMessages.ts";
import { Session, type SessionParts } from "./session.ts";

export class Telemetry {
  readonly #parts: SessionParts;
  #unsubscribe: (() => void)[] = [];
  #session: Session | undefined;
  #config: MqttConfig | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Events from before the gateway knew its id. */
  #early: GatewayEvent[] = [];

  /** @param installUpdate what the command "update" does */
  constructor(
    environment: Part<"clock" | "random" | "restart", "proc" | "data" | "run">,
    state: GatewayState,
    monitor: Monitor,
    log: Logger,
    installUpdate: () => void = () => {},
  ) {
    const store = new EventStore(join(environment.paths.data, "events.jsonl"), (error) => {
      const problem: Problem | undefined = error === undefined ? undefined : toProblem(error);
      if (problem && problem.message !== state.storeProblem?.message) log.error({ problem }, "events cannot be kept");
      state.storeProblem = problem && {
        code: "data-unwritable",
        message: `events cannot be kept: ${problem.message}`,
        nextStep: "Free space on the data partition, or replace the card; events are in memory until then.",
      };
    });
    const recent = new RecentMessages();
    this.#parts = {
      environment,
      state,
      monitor,
      store,
      names: new EventNames(environment.random),
      recent,
      log,
      installUpdate,
    };
  }

  /** Tells an event, where telemetry is switched on. */
  tell(event: GatewayEvent): void {
    if (this.#session === undefined) this.#early.push(event);
    else if (this.#config?.enabled === true) this.#session.tell(event);
  }

  /** What is sent, and how it goes. */
  get view(): TelemetryView {
    const { state, recent } = this.#parts;
    return {
      mqtt: state.mqtt,
      homeAssistant: this.#session?.homeAssistant ?? { enabled: false, topic: null, announced: false },
      syslog: { enabled: state.config.config.syslog.enabled, problem: state.syslogProblem ?? null },
      messages: recent.messages,
    };
  }

  async start(): Promise<void> {
    await this.#parts.store.open();
    const { events } = this.#parts.state;
    this.#unsubscribe = [events.on("config", () => this.#follow()), events.on("identity", () => this.#follow())];
    this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#work;
    await this.#session?.stop(false);
    await this.#parts.store.close();
  }

  /** At start, and when the configuration is another one or the gateway knows its id. */
  #follow(): void {
    const { config, identity } = this.#parts.state;
    const { mqtt } = config.config;
    const before = this.#config;
    if (identity === undefined || canonical(mqtt) === canonical(before)) return;
    this.#config = mqtt;
    this.#work = this.#work.then(() => this.#change(mqtt, before, identity.id));
  }

  async #change(config: MqttConfig, before: MqttConfig | undefined, id: string): Promise<void> {
    const over = before?.enabled === true && (!config.enabled || config.url !== before.url);
    await this.#session?.stop(over);
    if (this.#stopped) return;
    const { state } = this.#parts;
    const { enabled, url } = config;
    state.mqtt = { ...state.mqtt, enabled, connected: false, url: enabled ? url : null, error: null };
    this.#session = new Session(config, id, this.#parts);
    await this.#session.start();
    if (before === undefined && enabled) this.#session.tell({ type: "started", version: state.version.version });
    for (const event of this.#early.splice(0)) this.tell(event);
  }
}
