// SPDX-License-Identifier: Apache-2.0
/**
 * GET /api/v1/events: the state once a second as server-sent events, for as long as the client keeps up. A change of the
 * configuration is told whenever it gets on, and the last one on opening: who listens has missed nothing.
 */
import type { ServerResponse } from "node:http";
import type { Cancel, Clock } from "../../shared/clock.ts";
import type { Configuration } from "../configuration.ts";
import type { EventBus } from "../eventBus.ts";
import type { Monitor } from "../monitor.ts";
import { type Answer, problem } from "./router.ts";

/** More than a household's open tabs; each costs a serialised state a second. */
const MAX_CLIENTS = 32;
/** A client with this many bytes unread is dropped; it reconnects by itself when it is back. */
const MAX_BACKLOG = 512 * 1024;
/** Comment lines keep proxies and clients from giving up on a quiet connection, milliseconds. */
const HEARTBEAT_MS = 10_000;

export class EventStream {
  readonly #events: EventBus;
  readonly #monitor: Monitor;
  readonly #configuration: Configuration;
  readonly #clock: Clock;
  /** Each with the question whether it may still listen. */
  readonly #clients = new Map<ServerResponse, () => boolean>();
  #unsubscribe: (() => void)[] = [];
  #cancelHeartbeat: Cancel | undefined;

  constructor(events: EventBus, monitor: Monitor, configuration: Configuration, clock: Clock) {
    this.#events = events;
    this.#monitor = monitor;
    this.#configuration = configuration;
    this.#clock = clock;
  }

  start(): void {
    this.#unsubscribe = [
      this.#events.on("status", (status) => {
        // A session may have ended, a key may be gone, and from the first administrator on, a login is needed.
        for (const [client, mayListen] of this.#clients) if (!mayListen()) client.end();
        this.#send("status", status);
      }),
      this.#events.on("transaction", (transaction) => this.#send("transaction", transaction)),
    ];
    this.#cancelHeartbeat = this.#clock.every(HEARTBEAT_MS, () => this.#broadcast(": heartbeat\n\n"));
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#cancelHeartbeat?.();
    for (const client of this.#clients.keys()) client.end();
    this.#clients.clear();
  }

  /** Takes a client's response over; a full house is an answer instead. */
  add(response: ServerResponse, mayListen: () => boolean): Answer | undefined {
    if (this.#clients.size >= MAX_CLIENTS) {
      return problem(
        503,
        "too-many-clients",
        "too many pages are open",
        "Close some, or ask /api/v1/status now and then.",
      );
    }
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    });
    response.socket?.setTimeout(0);
    const { transaction } = this.#configuration;
    const last = transaction === null ? "" : frame("transaction", transaction);
    response.write(`retry: 2000\n\n${frame("status", this.#monitor.status)}${last}`);
    this.#clients.set(response, mayListen);
    const end = this.#monitor.watch();
    response.once("close", () => {
      this.#clients.delete(response);
      end();
    });
    return undefined;
  }

  #send(event: string, data: unknown): void {
    if (this.#clients.size > 0) this.#broadcast(frame(event, data));
  }

  #broadcast(text: string): void {
    for (const client of this.#clients.keys()) {
      if (client.writableEnded) continue;
      if (client.writableLength > MAX_BACKLOG) client.destroy();
      else client.write(text);
    }
  }
}

function frame(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
