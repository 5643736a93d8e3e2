// SPDX-License-Identifier: Apache-2.0
/** Pure: where the page will be once the defaults hold. */
import type { ResetOutlook } from "../api/reset.ts";
import type { Config } from "../config/types.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import { findLan } from "../plan/lan.ts";
import { pageUrl } from "./pageUrl.ts";

export interface ResetFacts {
  present: Config;
  defaults: Config;
  ethernets: readonly EthernetInterface[];
  /** "address/prefix" of the LAN as it is now. */
  lanAddresses: readonly string[];
  guest: boolean;
  /** Address that the question came to; undefined: it came over no network. */
  asked: string | undefined;
}

export function resetOutlook({ present, defaults, ethernets, lanAddresses, guest, asked }: ResetFacts): ResetOutlook {
  const lan = findLan(defaults, ethernets, guest);
  const { httpsPort } = defaults.http;
  const localUrl = defaults.mdns.enabled ? pageUrl(`${defaults.hostname}.local`, httpsPort) : null;
  // Who has us as a package keeps their network; only the port may become another one.
  const own = guest && lan === undefined;
  const same = lan !== undefined && findLan(present, ethernets, guest)?.name === lan.name;
  const again = own || (same && present.lan.ipv4.method === "dhcp" && defaults.lan.ipv4.method === "dhcp");
  const kept = again ? lanAddresses.map((cidr) => cidr.split("/")[0] ?? "").filter((ip) => !ip.includes(":")) : [];
  const there = asked?.replace(/^::ffff:/, "");
  const loops = there !== undefined && (there === "::1" || there.startsWith("127."));
  const samePort = present.http.httpsPort === httpsPort;
  return {
    interface: lan?.name ?? null,
    mac: lan?.address ?? null,
    urls: kept.map((ip) => pageUrl(ip, httpsPort)),
    localUrl,
    stays: there === undefined ? null : samePort && (own || loops || kept.includes(there)),
  };
}
