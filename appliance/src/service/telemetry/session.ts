// SPDX-License-Identifier: Apache-2.0
/** Telemetry to one broker, for as long as its configuration stays the same. */
import { join } from "node:path";
import type { Health, Status } from "../../api/status.ts";
import type { TelemetryView } from "../../api/telemetry.ts";
import type { MqttConfig } from "../../config/types.ts";
import { readUptime } from "../../observe/files.ts";
import { Backoff } from "../../shared/backoff.ts";
import type { Cancel } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { Broker, type Outcome, type Publication } from "./broker.ts";
import { Commands, CommandTimes } from "./commands.ts";
import { Discovery } from "./discovery.ts";
import type { EventStore } from "./eventStore.ts";
import { type EventNames, type GatewayEvent, healthEvent } from "./events.ts";
import { birthTopic, discoveryTopic } from "./homeAssistant.ts";
import {
  commandTopic,
  eventTopic,
  type Message,
  OFFLINE_PAYLOAD,
  onlinePayload,
  stateTopic,
  telemetryMessages,
} from "./payloads.ts";
import type { RecentMessages } from "./recentMessages.ts";

/** Events that are under way at a time: enough that a day's worth takes seconds, few enough that a broker keeps up. */
const EVENTS_AT_ONCE = 20;
/** Between rounds in which the broker took no event. */
const DELIVER_AGAIN = { firstMs: 1000, longestMs: 30_000 };
/** After Home Assistant's birth message, milliseconds: it subscribes first. */
const BIRTH_PAUSE_MS = 500;
/** How long what is under way may take when the session ends, milliseconds. */
const SETTLE_MS = 500;

export interface SessionParts {
  environment: Part<"clock" | "restart", "proc" | "data" | "run">;
  state: GatewayState;
  monitor: Monitor;
  store: EventStore;
  names: EventNames;
  recent: RecentMessages;
  log: Logger;
  /** What the command "update" does. */
  installUpdate: () => void;
}

export class Session {
  readonly #config: MqttConfig;
  readonly #parts: SessionParts;
  readonly #id: string;
  readonly #broker: Broker;
  readonly #discovery: Discovery;
  readonly #commands: Commands;
  readonly #unsubscribe: (() => void)[] = [];
  #cancelInterval: Cancel | undefined;
  #cancelBirth: Cancel | undefined;
  #health: Health | undefined;
  readonly #deliverBackoff = new Backoff(DELIVER_AGAIN);
  #cancelDeliver: Cancel | undefined;
  #delivering = false;
  #stopping = false;
  /** What was said of us last on this connection. */
  #online = "";
  /** How far the update was when it was last told. */
  #update = "";

  /** @param id the gateway's */
  constructor(config: MqttConfig, id: string, parts: SessionParts) {
    this.#config = config;
    this.#parts = parts;
    this.#id = id;
    const { environment, log } = parts;
    const will = json({ topic: stateTopic(id), payload: OFFLINE_PAYLOAD }, 1, true);
    this.#broker = new Broker(config, `scsigate-${id}`, will, environment.clock, log, {
      onConnect: () => this.#connected(),
      onDisconnect: (error) => this.#disconnected(error),
      onMessage: (topic, payload, retained) => this.#received(topic, payload, retained),
      onSent: (message) => parts.recent.add(message, environment.clock.now()),
    });
    const remembered = join(environment.paths.data, "discovery.json");
    this.#discovery = new Discovery(config, remembered, (message) => this.#broker.publish(message));
    const { paths } = environment;
    const times = new CommandTimes(join(paths.run, "commands"), () => readUptime(paths.proc));
    this.#commands = new Commands(config.commands, times, {
      refresh: () => void this.#round(),
      restart: () => environment.clock.after(BIRTH_PAUSE_MS, environment.restart), // the answer goes first
      update: () => parts.installUpdate(),
    });
  }

  /** What Home Assistant knows of us. */
  get homeAssistant(): TelemetryView["homeAssistant"] {
    const { enabled, homeAssistant } = this.#config;
    const on = enabled && homeAssistant.enabled;
    const topic = on ? discoveryTopic(homeAssistant.prefix, this.#id) : null;
    return { enabled: on, topic, announced: on && this.#broker.connected && this.#discovery.said };
  }

  async start(): Promise<void> {
    const { state, environment, store } = this.#parts;
    await this.#discovery.open();
    if (!this.#config.enabled) {
      // Only to remove what Home Assistant was told.
      if (this.#discovery.leftover) this.#broker.start();
      return;
    }
    store.keep();
    this.#unsubscribe.push(
      state.events.on("link", (event) => this.tell(event)),
      state.events.on("status", (status) => this.#look(status)),
    );
    this.#cancelInterval = environment.clock.every(this.#config.intervalSeconds * 1000, () => void this.#round());
    this.#broker.start();
  }

  /** @param over whether telemetry is switched off or goes to another broker: then Home Assistant's device goes */
  async stop(over: boolean): Promise<void> {
    this.#stopping = true;
    this.#cancelDeliver?.();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelInterval?.();
    this.#cancelBirth?.();
    const { clock } = this.#parts.environment;
    const patience = new Promise<void>((resolve) => clock.after(SETTLE_MS, resolve)); // a broker may answer nothing
    await Promise.race([this.#discovery.settled(), patience]);
    if (over && this.#broker.connected) await this.#discovery.remove();
    const offline = json({ topic: stateTopic(this.#id), payload: OFFLINE_PAYLOAD }, 1, true);
    await this.#broker.stop(this.#config.enabled ? [offline] : []);
  }

  /** An event, now or when the broker is there. */
  tell(event: GatewayEvent): void {
    const { names, store, monitor, environment } = this.#parts;
    const away = !this.#broker.connected;
    store.add(names.name(event, monitor.status, environment.clock.now(), away));
    void this.#deliver();
  }

  #connected(): void {
    const { state, monitor } = this.#parts;
    if (!this.#config.enabled) {
      void this.#discovery.remove().then(() => this.#broker.stop([]));
      return;
    }
    state.mqtt = { ...state.mqtt, connected: true, error: null };
    const { commands, homeAssistant } = this.#config;
    const topics = [
      ...(commands.enabled ? [`${commandTopic(this.#id)}/+`] : []),
      ...(homeAssistant.enabled ? [birthTopic(homeAssistant.prefix)] : []),
    ];
    if (topics.length > 0) this.#broker.subscribe(topics);
    this.#online = "";
    this.#sayOnline(monitor.status);
    void this.#discovery.renew(monitor.status);
    this.#round();
    this.#deliverNow();
  }

  #disconnected(error: string): void {
    const { state, store, log } = this.#parts;
    if (!this.#config.enabled) return;
    store.keep();
    if (state.mqtt.error !== error) log.warn({ error, url: this.#config.url }, "broker");
    state.mqtt = { ...state.mqtt, connected: false, error };
  }

  #received(topic: string, payload: string, retained: boolean): void {
    const { homeAssistant } = this.#config;
    if (topic === birthTopic(homeAssistant.prefix)) {
      if (payload !== "online" || retained) return; // retained: we have just announced ourselves
      this.#cancelBirth?.();
      const again = () => {
        void this.#discovery.renew(this.#parts.monitor.status);
        this.#round();
      };
      this.#cancelBirth = this.#parts.environment.clock.after(BIRTH_PAUSE_MS, again);
      return;
    }
    const prefix = `${commandTopic(this.#id)}/`;
    if (!topic.startsWith(prefix)) return;
    const event = this.#commands.handle(topic.slice(prefix.length), payload, retained);
    if (event === undefined) return;
    this.#parts.log.info(event, "command");
    this.tell(event);
  }

  /** Once a second. */
  #look(status: Status): void {
    const { store, state } = this.#parts;
    const event = healthEvent(this.#health, status.health);
    this.#health = status.health;
    if (event !== undefined) this.tell(event);
    state.mqtt = { ...state.mqtt, eventsWaiting: store.size, eventsLost: store.lost };
    if (!this.#broker.connected) return;
    this.#sayOnline(status);
    void this.#discovery.update(status);
    // Its progress is of no use every few seconds.
    const update = JSON.stringify(status.update);
    if (update !== this.#update) this.#round();
    this.#update = update;
  }

  /** On every connect, and when the host name has changed. */
  #sayOnline(status: Status): void {
    const online = json({ topic: stateTopic(this.#id), payload: onlinePayload(status) }, 1, true);
    if (online.payload === this.#online) return;
    this.#online = online.payload;
    void this.#broker.publish(online);
  }

  /** Without a connection it is left out: counters are absolute, so the next round has it all. */
  async #round(): Promise<void> {
    if (!this.#config.enabled || !this.#broker.connected) return;
    const status = await this.#parts.monitor.fresh();
    for (const message of telemetryMessages(status)) void this.#broker.publish(json(message, 0));
  }

  /** On a new connection: what the one before did not take, this one may. */
  #deliverNow(): void {
    this.#cancelDeliver?.();
    this.#cancelDeliver = undefined;
    this.#deliverBackoff.reset();
    void this.#deliver();
  }

  /** In order, until none is left or the connection breaks; what was not acknowledged is sent again on the next one. */
  async #deliver(): Promise<void> {
    if (this.#delivering || this.#cancelDeliver !== undefined) return;
    this.#delivering = true;
    const { store, environment } = this.#parts;
    while (!this.#stopping && this.#broker.connected && (store.lost > 0 || store.size > 0)) {
      if (await this.#deliverSome()) {
        this.#deliverBackoff.reset();
      } else if (!this.#stopping && this.#broker.connected) {
        const again = () => {
          this.#cancelDeliver = undefined;
          void this.#deliver();
        };
        this.#cancelDeliver = environment.clock.after(this.#deliverBackoff.next(), again);
        store.keep(); // a broker that takes nothing is as good as away
        break;
      }
    }
    this.#delivering = false;
  }

  /** @returns whether fewer wait now */
  async #deliverSome(): Promise<boolean> {
    const { store, names, monitor, environment, log } = this.#parts;
    const topic = eventTopic(this.#id);
    const count = store.lost;
    if (count > 0) {
      const event = names.name({ type: "events-lost", count }, monitor.status, environment.clock.now(), false);
      const told = await this.#broker.publish(json({ topic, payload: event }, 1));
      if (told) store.lossTold(count);
      return told;
    }
    const events = store.first(EVENTS_AT_ONCE);
    const outcomes = await Promise.all(events.map((event) => this.#broker.send(json({ topic, payload: event }, 1))));
    const idsOf = (outcome: Outcome) => events.filter((_, index) => outcomes[index] === outcome).map(({ id }) => id);
    const taken = idsOf("taken");
    const refused = idsOf("refused");
    if (taken.length > 0) store.delivered(new Set(taken));
    if (refused.length > 0) {
      store.refused(new Set(refused));
      log.warn({ topic, events: refused.length }, "the broker refuses events");
    }
    return taken.length > 0 || refused.length > 0;
  }
}

function json(message: Message, qos: 0 | 1, retain = false): Publication {
  return { topic: message.topic, payload: JSON.stringify(message.payload), qos, retain };
}
