// SPDX-License-Identifier: Apache-2.0
/** Encrypted tunnels as WireGuard knows them, and what is wrong with them. */
import type { EncryptionStatus, Problem } from "../api/status.ts";
import type { Config } from "../config/types.ts";
import { encryptedPeers, mayEncrypt } from "../plan/encryption.ts";
import type { WireguardAnswers } from "../protocol/messages.ts";

type Peer = EncryptionStatus["peers"][number];

/** A handshake is tried every five seconds: how long none may come at first, milliseconds. */
const PATIENCE_MS = 20_000;
/** Keys are used no longer (RejectAfterTime), and with keepalives there is a handshake every two minutes; milliseconds. */
const GOOD_FOR_MS = 185_000;

interface Heard {
  publicKey: string;
  /** Seconds since 1970, as the kernel noted it; 0: never. */
  handshake: number;
  /** When that was first seen to be so, monotonic milliseconds: the clock may be set meanwhile. */
  since: number;
}

/** Looks at handshakes as they come. */
export class EncryptionWatch {
  readonly #heard = new Map<string, Heard>();
  problems: Problem[] = [];

  /**
   * @param answers undefined while none was asked for
   * @param now by the clock, milliseconds
   * @param at monotonic milliseconds
   */
  update(config: Config, answers: WireguardAnswers | undefined, now: number, at: number): EncryptionStatus | null {
    const wanted = mayEncrypt(config) ? encryptedPeers(config) : [];
    for (const address of this.#heard.keys()) {
      if (!wanted.some((peer) => peer.address === address)) this.#heard.delete(address);
    }
    const handshakes = parseHandshakes(answers?.handshakes ?? "");
    const peers = wanted.map(({ address, publicKey }): Peer => {
      const handshake = handshakes.get(publicKey) ?? 0;
      const before = this.#heard.get(address);
      const same = before?.publicKey === publicKey && (before.handshake === handshake || answers === undefined);
      const heard = same ? before : { publicKey, handshake, since: at };
      this.#heard.set(address, heard);
      return { address, ...stateOf(heard, answers?.publicKey ?? null, now, at) };
    });
    this.problems = peers.flatMap((peer) => silence(peer) ?? []);
    if (!mayEncrypt(config)) return null;
    return { publicKey: answers?.publicKey ?? null, port: config.encryption.port, peers };
  }
}

function stateOf(
  { publicKey, handshake, since }: Heard,
  own: string | null,
  now: number,
  at: number,
): Omit<Peer, "address"> {
  const age = at - since;
  const lastHandshake = handshake === 0 ? null : Math.min(handshake * 1000, now);
  if (publicKey === own) return { lastHandshake, state: "own-key" };
  if (handshake === 0) return { lastHandshake, state: age < PATIENCE_MS ? "waiting" : "silent" };
  return { lastHandshake, state: age < GOOD_FOR_MS ? "good" : "silent" };
}

/** What is to be done about a gateway that is not heard. */
export function silence({ address, lastHandshake, state }: Peer): Problem | undefined {
  if (state === "own-key") {
    return {
      code: "encryption-silent",
      message: `the public key that is set for gateway ${address} is this gateway's own`,
      nextStep: `Copy the one of ${address} from there: page Network, or \`scsigate status\`.`,
    };
  }
  if (state !== "silent") return undefined;
  const since = lastHandshake === null ? "" : ` since ${new Date(lastHandshake).toISOString()}`;
  return {
    code: "encryption-silent",
    message: `no handshake with gateway ${address}${since}: nothing goes through its tunnels`,
    nextStep:
      "Check on both gateways that the other's public key, address and port are set in encryption, and that UDP gets through to that port.",
  };
}

/** @param output of `wg show <interface> latest-handshakes`. Seconds since 1970 by public key. */
export function parseHandshakes(output: string): Map<string, number> {
  const lines = output.split("\n").map((line) => line.split("\t"));
  return new Map(lines.flatMap(([key, time]) => (key && time ? [[key, Number(time)] as const] : [])));
}
