// SPDX-License-Identifier: Apache-2.0
/** The way to the log server: UDP or TCP, opened again with back-off after a failure. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { SyslogConfig } from "../../config/types.ts";
import { Backoff } from "../../shared/backoff.ts";
import type { Cancel, Clock } from "../../shared/clock.ts";
import { frame } from "./rfc5424.ts";

const RETRY = { firstMs: 1000, longestMs: 60_000 };
/** For a TCP connection, milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A UDP port that nobody listens on says so at once, over any network; milliseconds. */
const UDP_SILENCE_MS = 1000;
/** A server that does not read is given up when so much waits, bytes. */
const MAX_UNSENT = 256 * 1024;

export interface ConnectionListener {
  onOpen(): void;
  onFailure(reason: string): void;
}

interface Socket {
  send(text: string): void;
  close(): void;
}

export class SyslogConnection {
  readonly #config: SyslogConfig;
  readonly #clock: Clock;
  readonly #listener: ConnectionListener;
  readonly #backoff = new Backoff(RETRY);
  #socket: Socket | undefined;
  #open = false;
  #cancelRetry: Cancel | undefined;
  #cancelProof: Cancel | undefined;
  #stopped = false;

  constructor(config: SyslogConfig, clock: Clock, listener: ConnectionListener) {
    this.#config = config;
    this.#clock = clock;
    this.#listener = listener;
  }

  get open(): boolean {
    return this.#open;
  }

  start(): void {
    if (this.#stopped) return;
    this.#socket = this.#config.transport === "udp" ? this.#udp() : this.#tcp();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#socket?.close();
    this.#open = false;
  }

  /** Never throws: whoever writes a line of the log cannot be told. */
  send(text: string): void {
    const socket = this.#socket;
    if (!this.#open || socket === undefined) return;
    try {
      socket.send(text);
    } catch (error) {
      this.#failed(socket, error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * A connected socket: the name is looked up once, and a port that nobody listens on is reported. Whether anybody does is asked with an
   * empty datagram first: what is sent to a closed port is lost, and comes back as a failure of the next one.
   */
  #udp(): Socket {
    const { host, port } = this.#config;
    const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
    const own: Socket = {
      send: (text) => socket.send(text, (error) => error && this.#failed(own, error)),
      close: () => {
        this.#cancelProof?.();
        socket.close();
      },
    };
    socket.on("error", (error) => this.#failed(own, error));
    // The event, not connect()'s callback: that one is also called, and "error" not, when the name is not found.
    socket.on("connect", () => {
      if (this.#socket !== own || this.#stopped) return;
      own.send("");
      this.#cancelProof = this.#clock.after(UDP_SILENCE_MS, () => this.#opened(own));
    });
    socket.connect(port, host);
    return own;
  }

  #tcp(): Socket {
    const { host, port } = this.#config;
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const own: Socket = {
      send: (text) => {
        socket.write(frame(text));
        if (socket.writableLength > MAX_UNSENT) this.#failed(own, new Error("the log server does not read"));
      },
      close: () => (socket.connecting || this.#open === false ? socket.destroy() : socket.end()),
    };
    socket.on("connect", () => {
      socket.setTimeout(0);
      socket.setKeepAlive(true, 60_000);
      this.#opened(own);
    });
    socket.on("timeout", () => this.#failed(own, new Error("no connection within ten seconds")));
    socket.on("error", (error) => this.#failed(own, error));
    socket.on("close", () => this.#failed(own, new Error("the log server closed the connection")));
    socket.resume(); // servers say nothing; their end is noticed only when it is read
    return own;
  }

  #opened(socket: Socket): void {
    if (this.#socket !== socket || this.#stopped) return;
    this.#open = true;
    this.#backoff.works(this.#clock.monotonic());
    this.#listener.onOpen();
  }

  #failed(socket: Socket, error: Error): void {
    if (this.#socket !== socket || this.#stopped) return;
    this.#socket = undefined;
    this.#open = false;
    socket.close();
    this.#listener.onFailure(error.message);
    this.#cancelRetry = this.#clock.after(this.#backoff.next(this.#clock.monotonic()), () => this.start());
  }
}
