// SPDX-License-Identifier: Apache-2.0
// Every program that the supervisor runs is in the image: what brings it is switched on for every board.
import { join } from "node:path";
import { boards, defconfigOf, type Finding, filesBelow, linesOf, readDefconfig } from "./tree.ts";

/** Symbol that brings programs. Those of busybox are in every image; its configuration is Buildroot's and busybox.config. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  BR2_PACKAGE_AVAHI_DAEMON: ["avahi-daemon"],
  BR2_PACKAGE_BIRD_BABEL: ["bird", "birdcl"],
  BR2_PACKAGE_CHRONY: ["chronyd", "chronyc"],
  BR2_PACKAGE_DNSMASQ: ["dnsmasq"],
  BR2_PACKAGE_DROPBEAR: ["dropbear", "dropbearkey"],
  BR2_PACKAGE_ETHTOOL: ["ethtool"],
  BR2_PACKAGE_IPERF3: ["iperf3"],
  BR2_PACKAGE_IPROUTE2: ["ip", "bridge", "ss", "tc"],
  BR2_PACKAGE_IPUTILS: ["ping"],
  BR2_PACKAGE_KMOD_TOOLS: ["modprobe"],
  BR2_PACKAGE_LIBOPENSSL_BIN: ["openssl"],
  BR2_PACKAGE_LLDPD: ["lldpd", "lldpcli"],
  BR2_PACKAGE_NETSNMP: ["snmpd"],
  BR2_PACKAGE_NFTABLES_JSON: ["nft"],
  BR2_PACKAGE_RAUC_DBUS: ["rauc", "dbus-daemon"],
  BR2_PACKAGE_RAUC_HAWKBIT_UPDATER: ["rauc-hawkbit-updater"],
  BR2_PACKAGE_TCPDUMP: ["tcpdump"],
  BR2_PACKAGE_WIREGUARD_TOOLS: ["wg"],
};
const BUSYBOX = ["chown", "date", "env", "mount", "reboot", "sh", "uevent", "udhcpc", "umount"];

/** Programs that the supervisor's source starts by name, with a file that does so. */
export function programsRun(source: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of filesBelow(source).filter((name) => name.endsWith(".ts"))) {
    const text = linesOf(join(source, file)).join("\n");
    for (const [, name = ""] of text.matchAll(
      /\b(?:run|spawn|start|stream)\(\s*"([a-z][a-z0-9.-]*)",\s*(?:\[|args\b|\()/g,
    )) {
      if (!found.has(name)) found.set(name, file);
    }
  }
  return found;
}

/** `source`: appliance/src. */
export function checkPrograms(dir: string, source: string): Finding[] {
  const known = new Set([...Object.values(PACKAGES).flat(), ...BUSYBOX]);
  const run = programsRun(source);
  const strangers = [...run].filter(([name]) => !known.has(name));
  const needed = Object.entries(PACKAGES).filter(([, names]) => names.some((name) => run.has(name)));
  return [
    ...strangers.map(
      ([name, file]) =>
        `appliance/src/${file} runs ${name}; lab/src/image-check/programs.ts does not say what brings it`,
    ),
    ...boards(dir).flatMap((board) => {
      const config = readDefconfig(dir, board);
      return needed
        .filter(([symbol]) => config.get(symbol) !== "y")
        .map(([symbol, names]) => `${defconfigOf(board)} has no ${symbol}, which brings ${names.join(" and ")}`);
    }),
  ];
}
