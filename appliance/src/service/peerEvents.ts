// SPDX-License-Identifier: Apache-2.0
/**
 * The driver's uevents: a peer came, went up or down, or left. With them a change is known at once; without (no busybox)
 * the sampling finds it within five seconds. busybox's `uevent` runs a program for each event, with its fields as environment.
 */
import { Backoff } from "../shared/backoff.ts";
import type { Cancel, Clock } from "../shared/clock.ts";
import { errnoOf } from "../shared/errors.ts";
import type { LineProgram } from "../shared/lines.ts";
import type { Logger } from "../shared/log.ts";

/** A line for each event that matters. When nobody reads any more (we were killed), the first one ends `uevent` too. */
const PRINT =
  "trap '' PIPE; case $SUBSYSTEM in peers|net) echo \"$SUBSYSTEM $INTERFACE $PEER $STATE\" || kill $PPID;; esac";
const RESTART = { firstMs: 1000, longestMs: 60_000 };

export interface PeerEvent {
  segment: string;
  /** Station address, small letters. */
  address: string;
  up: boolean;
}

export interface PeerEventListener {
  onPeer(event: PeerEvent): void;
  /** Something about interfaces or peers changed: look again. */
  onChange(): void;
}

export class PeerEvents {
  readonly #start: LineProgram;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listener: PeerEventListener;
  readonly #backoff = new Backoff(RESTART);
  #stopProgram: (() => void) | undefined;
  #cancelRestart: Cancel | undefined;

  constructor(start: LineProgram, clock: Clock, log: Logger, listener: PeerEventListener) {
    this.#start = start;
    this.#clock = clock;
    this.#log = log;
    this.#listener = listener;
  }

  start(): void {
    this.#stopProgram = this.#start("uevent", ["sh", "-c", PRINT], {
      onLine: (line) => this.#line(line),
      onEnd: (error) => this.#ended(error),
    });
  }

  stop(): void {
    this.#cancelRestart?.();
    this.#stopProgram?.();
  }

  #ended(error: Error): void {
    if (errnoOf(error) === "ENOENT") {
      this.#log.info("no uevent program: stations are looked at every few seconds");
      return;
    }
    this.#log.warn({ error: error.message }, "uevents");
    this.#cancelRestart = this.#clock.after(this.#backoff.next(this.#clock.monotonic()), () => this.start());
  }

  #line(line: string): void {
    this.#backoff.works(this.#clock.monotonic());
    const event = parsePeerEvent(line);
    if (event !== undefined) this.#listener.onPeer(event);
    this.#listener.onChange();
  }
}

/**
 * @param line subsystem, interface, station address, state
 * @returns undefined for what is about an interface, and for a removal: its peer went down before
 */
export function parsePeerEvent(line: string): PeerEvent | undefined {
  const [subsystem, segment = "", peer = "", state] = line.split(" ");
  const address = peer.toLowerCase();
  if (subsystem !== "peers" || !/^[^/]{1,15}$/.test(segment)) return undefined;
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) || (state !== "up" && state !== "down")) return undefined;
  return { segment, address, up: state === "up" };
}
