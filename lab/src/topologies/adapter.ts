// SPDX-License-Identifier: Apache-2.0
// A gateway whose segment is an adapter on USB, with a host on the bus of that. The board is emulated on this host, and with it the
// bus (rigs/adapter.ts): the gateway reaches its USB over its second Ethernet, the host's adapter the bus.
//
//   station-c --LSI53C895A-- iSCSI -- modelled bus -- emulated board -- USB/IP -- gateway -- eth0 -- lan
//   station-a --LSI53C895A-- iSCSI, which is another segment ---------------------/
import { cluster, configText, lanAddresses, segmentGateway, segmentTarget } from "./cluster.ts";
import { gatewayReady } from "./gateway.ts";
import type { Topology, VmSpec } from "./types.ts";

/** The modelled bus, for the host's adapter. */
export const busTarget = "iqn.2026-11.org.scsigate:bus";
/** Of the emulated board: its flash has no number of its own. */
const SERIAL = "0000000000000000";

const config = {
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
      fabric: { type: "adapter", serial: SERIAL },
    },
    {
      name: "seg1",
      ipv4: { address: "10.143.1.1/24" },
      dhcp: { enabled: true },
      fabric: {
        type: "iscsi",
        target: segmentTarget,
        portals: ["0.0.0.0:3260"],
        initiators: ["iqn.2026-11.org.scsigate:station-a"],
      },
    },
  ],
  http: { publicHttpsPort: "{{port:https}}" },
};

/** Plugs the adapter in where it is not; succeeds when it is the segment, and its network is up. */
const PLUG = "usr/lib/lab/plug-adapter";
const plugText = `[ -e /sys/bus/usb/devices/1-1 ] || { modprobe vhci_hcd && usbip --tcp-port {{port:usb}} attach -r 10.0.2.2 -b 1-1; }
[ "$(cat /sys/class/net/seg0/carrier)" = 1 ]
`;
/** A command for the gateway. */
export const plugAdapter = `sh /${PLUG}`;

function fromCluster(name: string): VmSpec {
  const found = cluster.vms.find((vm) => vm.name === name);
  if (found === undefined) throw new Error(`cluster has no ${name}`);
  return found;
}

const onLan = `ip -4 addr show eth0 | grep -q '${lanAddresses.gateway}/'`;

/** The ports "usb" and "bus" are the emulated board's. */
export const adapter: Topology = {
  name: "adapter",
  ports: { https: 8443, http: 8080, iscsi: 3260, usb: 3240, bus: 3261 },
  vms: [
    {
      ...fromCluster("gateway"),
      memoryMiB: 768,
      files: { "data/scsigate/config.json": configText(config), [PLUG]: plugText },
      ready: `${gatewayReady} && ${onLan} && ss -ltn | grep -q :3260 && ${plugAdapter}`,
    },
    fromCluster("lan"),
    fromCluster("station-a"),
    {
      ...fromCluster("station-a"),
      name: "station-c",
      adapters: [
        {
          ...{ kind: "lsi53c895a", port: "bus", target: busTarget, lun: 0 },
          initiator: "iqn.2026-11.org.scsigate:station-c",
        },
      ],
    },
  ],
};
