// SPDX-License-Identifier: Apache-2.0
// Somebody's Debian machine: on a segment of a gateway, where it gets the driver over the bus, and on a LAN of its own, where
// our package makes a gateway of it.
//
//   host --LSI53C895A, LUN 0 and 1-- iSCSI -- gateway -- eth0 -- lan
//   host -- eth0 -- the machine's own network, which nothing may disturb
//   host -- eth1 -- other-lan
import { cluster, segmentTarget } from "./cluster.ts";
import type { Topology, VmSpec } from "./types.ts";

function fromCluster(name: string): VmSpec {
  const found = cluster.vms.find((vm) => vm.name === name);
  if (found === undefined) throw new Error(`cluster has no ${name}`);
  return found;
}

const host: VmSpec = {
  name: "host",
  role: "debian",
  memoryMiB: 1024,
  cpus: 2,
  layers: [],
  interfaces: [
    { kind: "user", mac: "52:54:00:5c:51:30", address: "10.0.2.15", forwards: { echo: 7007 } },
    { kind: "wire", wire: "other-lan", mac: "52:54:00:5c:51:31" },
  ],
  adapters: [
    {
      ...{ kind: "lsi53c895a", port: "iscsi", target: segmentTarget, lun: 0 },
      initiator: "iqn.2026-11.org.scsigate:station-a",
      driverDisk: true,
    },
  ],
  files: {},
  after: ["gateway"],
  ready: "systemctl is-active multi-user.target",
  readySeconds: 240,
  debian: true,
};

export const debian: Topology = {
  name: "debian",
  ports: { ...cluster.ports, echo: 7007 },
  vms: [
    fromCluster("gateway"),
    fromCluster("lan"),
    {
      ...fromCluster("lan"),
      name: "other-lan",
      interfaces: [{ kind: "wire", wire: "other-lan", mac: "52:54:00:5c:51:32" }],
    },
    host,
  ],
};
