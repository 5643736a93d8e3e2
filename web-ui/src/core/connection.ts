// SPDX-License-Identifier: Apache-2.0
/**
 * The live connection: server-sent events, with our own watch over them. A browser does not notice a box that was
 * unplugged, and gives up after an HTTP error; this does not.
 */
import type { Status } from "@scsigate/appliance/api";
import type { Transaction } from "@scsigate/appliance/api/config";

/** idle: there is none, for nobody is logged in. */
export type ConnectionState = "connecting" | "live" | "lost" | "idle";

export interface ConnectionHandlers {
  /** Asks who the user is, before each attempt. @returns whether they may listen @throws when nobody answers */
  prepare: () => Promise<boolean>;
  onStatus: (status: Status) => void;
  /** The last change, on opening, and whenever it gets on. */
  onTransaction: (transaction: Transaction) => void;
  onState: (state: ConnectionState) => void;
}

/** The gateway sends every second; after this silence it counts as gone, milliseconds. */
const SILENCE_MS = 10_000;
const RETRY_MS = 1000;

type Timer = ReturnType<typeof setTimeout> | undefined;

export class Connection {
  readonly #url: string;
  readonly #handlers: ConnectionHandlers;
  #source: EventSource | undefined;
  #watchdog: Timer;
  #retry: Timer;
  /** Counts starts: what an earlier one still waits for is of no interest. */
  #round = 0;

  constructor(url: string, handlers: ConnectionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
  }

  restart(): void {
    this.stop();
    this.#watch();
    void this.#start();
  }

  stop(): void {
    this.#drop();
    clearTimeout(this.#watchdog);
  }

  async #start(): Promise<void> {
    const round = this.#round;
    const allowed = await this.#handlers.prepare().catch(() => undefined);
    if (round !== this.#round) return;
    if (allowed === undefined) this.#again();
    else if (allowed) this.#listen();
    else {
      this.stop();
      this.#handlers.onState("idle");
    }
  }

  #listen(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener("status", (event: MessageEvent<string>) => {
      this.#watch();
      this.#handlers.onStatus(JSON.parse(event.data) as Status);
      this.#handlers.onState("live");
    });
    source.addEventListener("transaction", (event: MessageEvent<string>) => {
      this.#handlers.onTransaction(JSON.parse(event.data) as Transaction);
    });
    source.addEventListener("error", () => this.#again());
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#handlers.onState("lost");
      this.#watch();
      this.#again();
    }, SILENCE_MS);
  }

  /** A change of the firewall cuts connections, and the next one is let in: nothing is said of it unless silence follows. */
  #again(): void {
    this.#drop();
    this.#retry = setTimeout(() => void this.#start(), RETRY_MS);
  }

  #drop(): void {
    this.#round += 1;
    clearTimeout(this.#retry);
    this.#source?.close();
  }
}
