// SPDX-License-Identifier: Apache-2.0
/** Ports that the gateway itself listens on: each has one owner, and none of those that the LAN is to reach is forwarded away. */
import type { ConfigError } from "../api/status.ts";
import { FIRST_UNPRIVILEGED_PORT, SNMP_PORT, VXLAN_PORT } from "../shared/ports.ts";
import type { Config } from "./types.ts";

interface Listener {
  path: string;
  protocol: "tcp" | "udp";
  port: number;
  /** As in "port 443 is ...". */
  what: string;
  /** Whether hosts on the LAN are to reach it. */
  onLan: boolean;
}

const SNMP = { path: "/snmp/enabled", protocol: "udp", port: SNMP_PORT, what: "that of SNMP" } as const;
const ENCRYPTION = { path: "/encryption/port", protocol: "udp" } as const;

function listeners({ http, ssh, snmp, firewall, storage, segments, encryption }: Config): Listener[] {
  const managed = firewall.management.includes("lan");
  const tcp = (path: string, port: number, what: string, onLan: boolean): Listener => ({
    ...{ path, protocol: "tcp", port, what, onLan },
  });
  return [
    tcp("/http/port", http.port, "the plain HTTP port", managed),
    tcp("/http/httpsPort", http.httpsPort, "the page's", managed),
    ...(ssh.enabled ? [tcp("/ssh/port", ssh.port, "that of SSH", managed)] : []),
    ...(snmp.enabled ? [{ ...SNMP, onLan: managed }] : []),
    ...(encryption.peers.length === 0
      ? []
      : [{ ...ENCRYPTION, port: encryption.port, what: "that of encrypted tunnels", onLan: true }]),
    ...segments.flatMap(({ name, fabric, extend }, at): Listener[] => {
      const path = `/segments/${at}`;
      const portals = fabric.type === "iscsi" ? fabric.portals : [];
      const tunnel = { path: `${path}/extend`, protocol: "udp" as const, port: VXLAN_PORT };
      return [
        ...portals.map((portal, index) =>
          tcp(
            `${path}/fabric/portals/${index}`,
            Number(portal.split(":")[1]),
            `that of ${name}'s iSCSI target`,
            storage === undefined,
          ),
        ),
        ...(extend === undefined ? [] : [{ ...tunnel, what: `that of ${name}'s tunnels`, onLan: true }]),
      ];
    }),
  ];
}

export function checkPorts(config: Config, errors: ConfigError[]): void {
  const all = listeners(config);
  all.forEach(({ path, protocol, port }, index) => {
    const owner = all.slice(0, index).find((other) => other.protocol === protocol && other.port === port);
    // Targets of several segments may share a portal.
    if (owner === undefined || (owner.path.startsWith("/segments") && path.startsWith("/segments"))) return;
    errors.push({
      path,
      message: `port ${port} is ${owner.what} already`,
      nextStep: "Use another port for one of them.",
    });
  });
  for (const { path, port } of all.filter((entry) => entry.path.startsWith("/http/"))) {
    if (port >= FIRST_UNPRIVILEGED_PORT) continue;
    errors.push({
      path,
      message: `the page cannot have port ${port}: those below ${FIRST_UNPRIVILEGED_PORT} take rights that it does not have`,
      nextStep: "Use 80 and 443, or others, for example 8080 and 8443.",
    });
  }
  config.firewall.portForwards.forEach(({ protocol, port }, index) => {
    const owner = all.find((entry) => entry.onLan && entry.protocol === protocol && entry.port === port);
    if (owner === undefined) return;
    errors.push({
      path: `/firewall/portForwards/${index}/port`,
      message: `${protocol} port ${port} is ${owner.what}: with it forwarded, nobody on the LAN would reach that`,
      nextStep: `Forward another port, or change ${owner.path.slice(1).replaceAll("/", ".")} first.`,
    });
  });
}
