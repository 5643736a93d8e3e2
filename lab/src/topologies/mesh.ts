// SPDX-License-Identifier: Apache-2.0
// Two gateways on one LAN, with nothing in common but a key. Each has its station in its own kernel: a tcm_loop adapter
// whose segment is moved into a network namespace (see rigs/meshStation.ts).
//
//   station --tcm_loop-- gateway-a --eth0-- gateway-b --tcm_loop-- station
import { gatewayReady } from "./gateway.ts";
import type { Topology, VmSpec } from "./types.ts";

export const meshKey = "a-key-that-both-gateways-know";
export const meshLan: Readonly<Record<string, string>> = {
  "gateway-a": "192.168.77.11",
  "gateway-b": "192.168.77.12",
};

/** Of each gateway. */
export const meshSegments = [{ name: "seg0", ipv6: { enabled: true }, fabric: { type: "loop" } }] as const;

function gateway(name: string, mac: string): VmSpec {
  const config = {
    version: 1,
    hostname: name,
    mode: "mesh",
    lan: { ipv4: { method: "static", address: `${meshLan[name]}/24` } },
    segments: meshSegments,
    mesh: { key: meshKey },
  };
  return {
    name,
    role: "gateway",
    memoryMiB: 768,
    cpus: 1,
    layers: [],
    image: { dataMiB: 32, firmware: "direct" },
    interfaces: [{ kind: "wire", wire: "lan", mac }],
    adapters: [],
    files: { "data/scsigate/config.json": `${JSON.stringify(config, null, 2)}\n` },
    after: [],
    ready: gatewayReady,
    readySeconds: 180,
  };
}

export const mesh: Topology = {
  name: "mesh",
  ports: {},
  vms: [gateway("gateway-a", "52:54:00:5c:51:20"), gateway("gateway-b", "52:54:00:5c:51:21")],
};
