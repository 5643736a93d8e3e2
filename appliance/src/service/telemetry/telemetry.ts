// SPDX-License-Identifier: Apache-2.0
/** Telemetry over MQTT: a retained state with a last will, counters every few seconds, events at once. */
import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/types.ts";
import { Backoff } from "../../shared/backoff.ts";
import type { Cancel, Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import {
  eventMessage,
  type Message,
  OFFLINE_PAYLOAD,
  onlinePayload,
  stateTopic,
  telemetryMessages,
} from "./payloads.ts";

/** The broker sends the last will when it has heard nothing for one and a half of these, seconds. */
const KEEP_ALIVE_S = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT = { firstMs: 1000, longestMs: 30_000 };
/** How long the good-bye to the broker may take, milliseconds. */
const GOODBYE_MS = 1000;

export class Telemetry {
  readonly #config: MqttConfig;
  readonly #monitor: Monitor;
  readonly #state: GatewayState;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #backoff = new Backoff(RECONNECT);
  readonly #unsubscribe: (() => void)[] = [];
  #client: MqttClient | undefined;
  #cancelInterval: Cancel | undefined;
  #cancelReconnect: Cancel | undefined;
  #starting = false;
  #stopped = false;

  constructor(config: MqttConfig, monitor: Monitor, state: GatewayState, clock: Clock, log: Logger) {
    this.#config = config;
    this.#monitor = monitor;
    this.#state = state;
    this.#clock = clock;
    this.#log = log;
  }

  /** Connects as soon as the gateway knows its id. */
  start(): void {
    if (!this.#config.enabled) return;
    this.#unsubscribe.push(
      this.#monitor.onStatus((status) => {
        if (status.id === "" || this.#starting) return;
        this.#starting = true;
        this.#connect(status.id).catch((error: unknown) => this.#failed(String(error)));
      }),
      this.#monitor.onStationEvent((event) => this.#publish(eventMessage(this.#monitor.status, event), 1)),
    );
    this.#cancelInterval = this.#clock.every(this.#config.intervalSeconds * 1000, () => {
      for (const message of telemetryMessages(this.#monitor.status)) this.#publish(message, 0);
    });
  }

  /** Says good-bye: a stop that was meant is no reason for the last will. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelInterval?.();
    this.#cancelReconnect?.();
    const client = this.#client;
    if (client === undefined) return;
    if (client.connected) {
      const topic = stateTopic(this.#monitor.status.id);
      const goodbye = client.publishAsync(topic, JSON.stringify(OFFLINE_PAYLOAD), { qos: 1, retain: true });
      const timeout = new Promise<void>((resolve) => this.#clock.after(GOODBYE_MS, resolve));
      await Promise.race([goodbye.then(() => client.endAsync()), timeout]).catch(() => {});
    }
    client.end(true);
  }

  async #connect(id: string): Promise<void> {
    // Loaded late: the page is there before the broker matters.
    const { connect } = await import("mqtt");
    if (this.#stopped) return;
    const will = {
      topic: stateTopic(id),
      payload: Buffer.from(JSON.stringify(OFFLINE_PAYLOAD)),
      qos: 1,
      retain: true,
    } as const;
    const client = connect(this.#config.url, {
      clientId: `scsigate-${id}`,
      keepalive: KEEP_ALIVE_S,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0, // our own back-off, below
      queueQoSZero: false,
      will,
    });
    this.#client = client;
    client.on("connect", () => {
      this.#backoff.reset();
      this.#state.mqtt = { ...this.#state.mqtt, connected: true, error: null };
      this.#log.info({ url: this.#config.url }, "connected to the broker");
      const online = { topic: stateTopic(id), payload: onlinePayload(this.#monitor.status) };
      this.#publish(online, 1, true);
      for (const message of telemetryMessages(this.#monitor.status)) this.#publish(message, 0);
    });
    client.on("error", (error) => this.#failed(error.message || String(error)));
    client.on("close", () => this.#reconnectLater());
  }

  #failed(error: string): void {
    if (this.#state.mqtt.error !== error) this.#log.warn({ error, url: this.#config.url }, "broker");
    this.#state.mqtt = { ...this.#state.mqtt, connected: false, error };
  }

  #reconnectLater(): void {
    if (this.#stopped) return;
    if (this.#state.mqtt.connected) this.#failed("the connection was closed");
    const wait = this.#backoff.next();
    this.#cancelReconnect?.();
    this.#cancelReconnect = this.#clock.after(wait, () => this.#client?.reconnect());
  }

  /** While there is no connection, messages are dropped: counters are absolute, so the next round has it all. */
  #publish(message: Message, qos: 0 | 1, retain = false): void {
    if (!this.#client?.connected) return;
    this.#client.publish(message.topic, JSON.stringify(message.payload), { qos, retain }, (error) => {
      if (error) this.#log.debug({ error: error.message, topic: message.topic }, "not published");
    });
  }
}
