// SPDX-License-Identifier: Apache-2.0
/**
 * The connection to the broker. Each attempt is a client of its own: what an old connection had not finished is not sent again
 * behind our back, but by whoever still has it.
 */
import type { IClientOptions, MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/types.ts";
import { Backoff } from "../../shared/backoff.ts";
import type { Cancel, Clock } from "../../shared/clock.ts";
import { errnoOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { certificatesIn, keyIn } from "../../shared/pem.ts";

/** The broker sends the last will when it has heard nothing for one and a half of these, seconds. */
const KEEP_ALIVE_S = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const RECONNECT = { firstMs: 1000, longestMs: 30_000 };
/** How long the good-bye to the broker may take, milliseconds. */
const GOODBYE_MS = 1000;
/** A session that ends sooner has a reason of its own, milliseconds. */
const SHORT_MS = 10_000;
/** Longest message that is taken from the broker, bytes: commands and birth messages are words. */
const MAX_INCOMING = 1024;

/** MQTT 5's reasons why a message will not be taken later either: not authorized, topic name, payload format. */
const REFUSED_FOR_GOOD: readonly unknown[] = [0x87, 0x90, 0x99];

/** Empty text removes what is retained. */
export interface Publication {
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
}

/** Taken: the broker has it (QoS 1) or it was sent (QoS 0). Refused: it is of no use to send it again. */
export type Outcome = "taken" | "refused" | "failed";

export interface BrokerListener {
  onConnect(): void;
  /** @param error why there is no connection, when it is news */
  onDisconnect(error: string): void;
  onMessage(topic: string, payload: string, retained: boolean): void;
  /** A message went out (QoS 0), or the broker has it (QoS 1). */
  onSent(message: Publication): void;
}

export class Broker {
  readonly #config: MqttConfig;
  readonly #clientId: string;
  readonly #will: Publication;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listener: BrokerListener;
  readonly #backoff = new Backoff(RECONNECT);
  readonly #underWay = new Set<(outcome: Outcome) => void>();
  #client: MqttClient | undefined;
  #cancelReconnect: Cancel | undefined;
  #stopped = false;

  constructor(
    config: MqttConfig,
    clientId: string,
    will: Publication,
    clock: Clock,
    log: Logger,
    listener: BrokerListener,
  ) {
    this.#config = config;
    this.#clientId = clientId;
    this.#will = will;
    this.#clock = clock;
    this.#log = log;
    this.#listener = listener;
  }

  /** Whether it is of use to publish: while the client says good-bye, it refuses all else at once. */
  get connected(): boolean {
    return !this.#stopped && this.#client?.connected === true;
  }

  start(): void {
    void this.#connect();
  }

  /** @returns whether it was taken */
  async publish(message: Publication): Promise<boolean> {
    return (await this.send(message)) === "taken";
  }

  /** @returns what came of it. "failed" without a connection: nothing is queued. */
  send(message: Publication): Promise<Outcome> {
    const client = this.#client;
    if (!client?.connected) return Promise.resolve("failed");
    const { topic, payload, qos, retain } = message;
    return new Promise((resolve) => {
      const end = (outcome: Outcome) => {
        this.#underWay.delete(end);
        if (outcome === "taken") this.#listener.onSent(message);
        resolve(outcome);
      };
      this.#underWay.add(end); // when the connection breaks, the callback may never be called
      client.publish(topic, payload, { qos, retain }, (error) => end(outcomeOf(error)));
    });
  }

  subscribe(topics: readonly string[]): void {
    this.#client?.subscribe([...topics], { qos: 1 }, (error) => {
      if (error) this.#log.warn({ error: error.message, topics }, "not subscribed");
    });
  }

  /** Ends the connection, after these messages: a stop that was meant is no reason for the last will. */
  async stop(goodbye: readonly Publication[]): Promise<void> {
    this.#stopped = true;
    this.#cancelReconnect?.();
    const client = this.#client;
    if (client === undefined) return;
    if (client.connected) {
      const said = Promise.all(goodbye.map((message) => this.publish(message))).then(() => client.endAsync());
      const timeout = new Promise<void>((resolve) => this.#clock.after(GOODBYE_MS, resolve));
      await Promise.race([said, timeout]).catch(() => {});
    }
    this.#discard(client);
  }

  async #connect(): Promise<void> {
    // Loaded late: the page is there before the broker matters.
    const { connect } = await import("mqtt");
    if (this.#stopped) return;
    let client: MqttClient;
    try {
      const will = { ...this.#will, payload: Buffer.from(this.#will.payload) };
      client = connect(this.#config.url, { ...connectOptions(this.#config, this.#clientId), will });
    } catch (error) {
      this.#failed(describe(error)); // a key or certificate that OpenSSL does not take
      return;
    }
    this.#client = client;
    let connectedAt: number | undefined;
    let said: string | undefined;
    client.on("disconnect", ({ reasonCode }) => {
      said = reasonOf(reasonCode, this.#clientId);
    });
    client.on("connect", () => {
      if (this.#client !== client) return;
      connectedAt = this.#clock.monotonic();
      this.#backoff.works(connectedAt);
      this.#log.info({ url: this.#config.url }, "connected to the broker");
      this.#listener.onConnect();
    });
    client.on("message", (topic, payload, packet) => {
      if (this.#client !== client || payload.length > MAX_INCOMING) return;
      this.#listener.onMessage(topic, payload.toString("utf8"), packet.retain);
    });
    client.on("error", (error) => this.#lost(client, describe(error)));
    client.on("close", () => {
      const short = connectedAt !== undefined && this.#clock.monotonic() - connectedAt < SHORT_MS;
      this.#lost(client, said ?? (short ? endedAtOnce(this.#clientId) : "the connection was closed"));
    });
  }

  /** Once for each client: an error may come before the close, or without one. */
  #lost(client: MqttClient, reason: string): void {
    if (this.#client !== client) return;
    this.#discard(client);
    this.#failed(reason);
  }

  #discard(client: MqttClient): void {
    this.#client = undefined;
    client.end(true);
    for (const end of [...this.#underWay]) end("failed");
  }

  #failed(reason: string): void {
    if (this.#stopped) return;
    this.#listener.onDisconnect(reason);
    this.#cancelReconnect = this.#clock.after(this.#backoff.next(this.#clock.monotonic()), () => void this.#connect());
  }
}

/** Why the broker ended the session, by MQTT 5's reason code (section 3.14.2.1); undefined for one that says nothing. */
function reasonOf(code: number | undefined, clientId: string): string | undefined {
  switch (code) {
    case 0x87:
      return "the broker ended the session: this user may not do what the gateway does (not authorized)";
    case 0x8e:
      return `the broker ended the session: another client has the id ${clientId}, too; was a gateway's disk copied?`;
    case 0x8b:
      return "the broker is shutting down";
    default:
      return code === undefined || code === 0
        ? undefined
        : `the broker ended the session (reason 0x${code.toString(16)})`;
  }
}

/** MQTT 3.1.1 brokers give no reason; these are the usual ones. */
function endedAtOnce(clientId: string): string {
  return `the broker ended the session at once: the user may not publish, or another client has the id ${clientId}, too`;
}

function outcomeOf(error: Error | null | undefined): Outcome {
  if (error === undefined || error === null) return "taken";
  return "code" in error && REFUSED_FOR_GOOD.includes(error.code) ? "refused" : "failed";
}

/** For one attempt. */
export function connectOptions(config: MqttConfig, clientId: string): IClientOptions {
  const { protocol, username, password, tls, url } = config;
  const secure = url.startsWith("mqtts:");
  return {
    protocolVersion: protocol === "5" ? 5 : 4,
    clientId,
    clean: true,
    keepalive: KEEP_ALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0, // our own back-off
    queueQoSZero: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(secure ? tlsOptions(tls) : {}),
  };
}

/** As node:tls takes them. */
export function tlsOptions({
  verify,
  ca,
  certificate,
  key,
}: MqttConfig["tls"]): Pick<IClientOptions, "rejectUnauthorized" | "ca" | "cert" | "key"> {
  return {
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca: certificatesIn(ca) }),
    ...(certificate === undefined ? {} : { cert: certificatesIn(certificate).join("") }),
    ...(key === undefined ? {} : { key: keyIn(key) ?? "" }),
  };
}

export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return describe(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return message || (errnoOf(error) ?? "unknown error");
}
