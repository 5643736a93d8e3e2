// SPDX-License-Identifier: Apache-2.0
/**
 * Whether stations answer at their IPv4 addresses. A station's adapter may be there while its network is not: the
 * kernel is made to ask for the hardware address (ARP) of each station in turn, and its neighbour table says who answered.
 */
import type { Neighbour } from "../../observe/ipJson.ts";

/**
 * Between two rounds, milliseconds. The kernel believes what it has heard for up to 45 s, then asks for 8 s: a station that
 * falls silent is found out within some 90 s.
 */
const INTERVAL_MS = 30_000;
/** So many are asked in one round; of more, the next ones in the next. */
const AT_ONCE = 32;

export interface StationAddress {
  /** "segment address" */
  key: string;
  /** Interfaces that it may be found at. */
  faces: readonly string[];
  /** Station address. */
  address: string;
  /** IPv4, where one is known. */
  ip: string | undefined;
  /** Whether an address is of a subnet that the segment has now. */
  isHere: (ip: string) => boolean;
}

interface Known {
  ip: string;
  answers: boolean | null;
}

export class StationReach {
  readonly #ask: (ip: string) => void;
  readonly #known = new Map<string, Known>();
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Where the next round begins. */
  #next = 0;

  /** @param ask makes the kernel find out who has an address */
  constructor(ask: (ip: string) => void) {
    this.#ask = ask;
  }

  /**
   * What is known of a station's address: the last one that it had is remembered while it does not answer, and the
   * segment has that subnet: beyond it, nobody can be asked.
   */
  update(
    { key, faces, address, ip, isHere }: StationAddress,
    neighbours: readonly Neighbour[],
    unanswered: ReadonlySet<string>,
  ): Known | undefined {
    const before = this.#known.get(key);
    const at = ip ?? (before !== undefined && isHere(before.ip) ? before.ip : undefined);
    if (at === undefined) {
      this.#known.delete(key);
      return undefined;
    }
    const there = neighbours.some(
      (entry) => entry.ip === at && entry.address === address && faces.includes(entry.interface),
    );
    const failed = faces.some((face) => unanswered.has(`${face} ${at}`));
    const stays = before?.ip === at ? before.answers : null;
    const known = { ip: at, answers: there ? true : failed ? false : stays };
    this.#known.set(key, known);
    return known;
  }

  /**
   * Asks those whose turn it is.
   * @param keys stations to ask; the others are forgotten
   * @param at now, monotonic milliseconds
   */
  probe(keys: ReadonlySet<string>, at: number): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    if (at - this.#askedAt < INTERVAL_MS) return;
    this.#askedAt = at;
    const ips = [...this.#known.values()].map(({ ip }) => ip);
    if (this.#next >= ips.length) this.#next = 0;
    for (const ip of ips.slice(this.#next, this.#next + AT_ONCE)) this.#ask(ip);
    this.#next += AT_ONCE;
  }
}
