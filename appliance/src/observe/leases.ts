// SPDX-License-Identifier: Apache-2.0
/** dnsmasq's lease file. */
import { join } from "node:path";
import { KeptReadings } from "./files.ts";

export interface Lease {
  /** Seconds since 1970 by the gateway's clock; 0 means for ever. */
  expires: number;
  /** Link-layer address, small letters. */
  address: string;
  ip: string;
  /** Host name that the client asked with; empty when it told none. */
  name: string;
}

/** @param text the file: a line for each lease, "<expires> <address> <ip> <name or *> <client id or *>". IPv6 leases are skipped. */
export function parseLeases(text: string): Lease[] {
  const leases: Lease[] = [];
  for (const line of text.split("\n")) {
    const [expires = "", address = "", ip = "", name = ""] = line.split(" ");
    if (!/^[0-9]+$/.test(expires) || !/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(address)) continue;
    if (!/^[0-9.]{7,15}$/.test(ip)) continue;
    leases.push({ expires: Number(expires), address: address.toLowerCase(), ip, name: name === "*" ? "" : name });
  }
  return leases;
}

/** Leases of all segments. */
export class LeaseFiles {
  readonly #folder: string;
  readonly #files = new KeptReadings<readonly Lease[]>(parseLeases);

  /** @param folder of all segments' lease files; without one there are no leases */
  constructor(folder: string) {
    this.#folder = folder;
  }

  of(segment: string): readonly Lease[] {
    return this.#files.read(join(this.#folder, `${segment}.leases`));
  }
}
