// SPDX-License-Identifier: Apache-2.0
// The product's main picture: two cluster hosts on a segment, the gateway, a host on the LAN.
//
//   station-a --LSI53C895A--\
//                            iSCSI (the cable) -- gateway -- eth0 -- lan
//   station-b --LSI53C895A--/
import { gatewayReady } from "./gateway.ts";
import type { Topology, VmSpec } from "./types.ts";

export const segmentTarget = "iqn.2026-11.org.scsigate:seg0";

export const lanAddresses = { lan: "192.168.77.1", gateway: "192.168.77.2" } as const;
export const segmentGateway = "10.143.0.1";

const gatewayConfig = {
  version: 1,
  hostname: "gateway",
  mode: "routed",
  lan: { interface: "auto", ipv4: { method: "dhcp" } },
  storage: { interface: "eth1", ipv4: { method: "static", address: "10.0.2.15/24" } },
  segments: [
    {
      name: "seg0",
      ipv4: { address: `${segmentGateway}/24` },
      dhcp: { enabled: true },
      fabric: {
        type: "iscsi",
        target: segmentTarget,
        portals: ["0.0.0.0:3260"],
        initiators: ["iqn.2026-11.org.scsigate:station-a", "iqn.2026-11.org.scsigate:station-b"],
      },
    },
  ],
  http: { publicHttpsPort: "{{port:https}}" },
  mqtt: { enabled: true, url: "mqtt://10.0.2.2:{{port:mqtt}}", intervalSeconds: 5 },
};

/** A gateway's document as text; a port is a number in it, so its placeholder loses the quotes. */
export function configText(config: object): string {
  return `${JSON.stringify(config, null, 2).replace(/"(\{\{port:https\}\})"/, "$1")}\n`;
}

function station(name: string): VmSpec {
  return {
    name,
    role: "station",
    memoryMiB: 256,
    cpus: 1,
    layers: [],
    interfaces: [],
    adapters: [
      {
        kind: "lsi53c895a",
        port: "iscsi",
        target: segmentTarget,
        lun: 0,
        initiator: `iqn.2026-11.org.scsigate:${name}`,
      },
    ],
    files: {},
    after: ["gateway"],
    ready: "true",
    readySeconds: 120,
  };
}

export const cluster: Topology = {
  name: "cluster",
  ports: { https: 8443, http: 8080, iscsi: 3260, mqtt: 1883 },
  vms: [
    {
      name: "gateway",
      role: "gateway",
      memoryMiB: 1024,
      cpus: 2,
      layers: [],
      interfaces: [
        { kind: "wire", wire: "lan", mac: "52:54:00:5c:51:10" },
        {
          kind: "user",
          mac: "52:54:00:5c:51:11",
          address: "10.0.2.15",
          forwards: { iscsi: 3260, https: 443, http: 80 },
        },
      ],
      adapters: [],
      image: { dataMiB: 32, firmware: "direct" },
      files: { "data/scsigate/config.json": configText(gatewayConfig) },
      after: [],
      ready: `${gatewayReady} && ss -ltn | grep -q :3260`,
      readySeconds: 180,
    },
    {
      name: "lan",
      role: "lan",
      memoryMiB: 384,
      cpus: 1,
      layers: [],
      interfaces: [{ kind: "wire", wire: "lan", mac: "52:54:00:5c:51:01" }],
      adapters: [],
      files: {},
      after: [],
      ready: "test -e /run/lab/ready",
      readySeconds: 120,
    },
    station("station-a"),
    station("station-b"),
  ],
};
