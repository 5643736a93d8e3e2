// SPDX-License-Identifier: Apache-2.0
/**
 * The live connection: server-sent events, with our own watch over them. A browser does not notice a box that was unplugged,
 * and gives up after an HTTP error; this does not.
 */
import type { Status } from "@scsigate/appliance/api";

export type ConnectionState = "connecting" | "live" | "lost";

export interface ConnectionHandlers {
  onStatus: (status: Status) => void;
  onState: (state: ConnectionState) => void;
}

/** The gateway sends every second; after this silence it counts as gone, milliseconds. */
const SILENCE_MS = 4000;
const RETRY_MS = 2000;

type Timer = ReturnType<typeof setTimeout> | undefined;

export class Connection {
  readonly #url: string;
  readonly #handlers: ConnectionHandlers;
  #source: EventSource | undefined;
  #watchdog: Timer;
  #retry: Timer;

  constructor(url: string, handlers: ConnectionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  start(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener("status", (event: MessageEvent<string>) => {
      this.#watch();
      this.#handlers.onStatus(JSON.parse(event.data) as Status);
      this.#handlers.onState("live");
    });
    source.addEventListener("error", () => this.#lost());
    this.#watch();
  }

  stop(): void {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    this.#source?.close();
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost(): void {
    this.stop();
    this.#handlers.onState("lost");
    this.#retry = setTimeout(() => this.start(), RETRY_MS);
  }
}
