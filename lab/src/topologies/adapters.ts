// SPDX-License-Identifier: Apache-2.0
// A machine with many emulated adapters, and a machine that is the target of all of them. Beside the adapters, an Ethernet
// between the two carries iSCSI, Fibre Channel and RDMA.
//
//   host --LSI53C895A, virtio-scsi, pvscsi, ...-- iSCSI (QEMU's libiscsi: the "cable") -- hub
//   host -- eth0 -- eth1 -- hub
import { emulated, exportScript, PORTAL_PORT, targetName } from "../rigs/anyAdapter.ts";
import type { Topology, VmSpec } from "./types.ts";

/** With less, depmod does not get through. */
const MEMORY_MIB = 512;

const hub: VmSpec = {
  name: "hub",
  role: "hub",
  memoryMiB: MEMORY_MIB,
  cpus: 1,
  layers: ["adapters"],
  interfaces: [
    { kind: "user", mac: "52:54:00:5c:51:40", address: "10.0.2.15", forwards: { iscsi: PORTAL_PORT } },
    { kind: "wire", wire: "fabric", mac: "52:54:00:5c:51:41" },
  ],
  adapters: [],
  files: {
    "/etc/lab/exports": `ip addr add 10.0.2.15/24 dev eth0\nip link set eth0 up\n${emulated.map((pair) => exportScript(pair)).join("\n")}`,
  },
  after: [],
  ready: "test -e /run/lab/ready",
  readySeconds: 120,
};

const host: VmSpec = {
  name: "host",
  role: "loop",
  memoryMiB: MEMORY_MIB,
  cpus: 1,
  layers: ["adapters"],
  interfaces: [{ kind: "wire", wire: "fabric", mac: "52:54:00:5c:51:42" }],
  adapters: emulated.map((pair) => ({
    kind: pair.model,
    port: "iscsi",
    target: targetName(pair),
    lun: 0,
    initiator: "iqn.2026-11.org.scsigate:host",
    ...(pair.later === undefined ? {} : { later: pair.later }),
  })),
  files: {},
  after: ["hub"],
  ready: "true",
  readySeconds: 120,
};

export const adapters: Topology = { name: "adapters", ports: { iscsi: 3260 }, vms: [hub, host] };
