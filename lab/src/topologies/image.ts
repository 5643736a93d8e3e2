// SPDX-License-Identifier: Apache-2.0
// A gateway as its owner has it: the disk as it was written, started by the firmware; nothing but a LAN and the host's web server
// behind it (10.0.2.2). Its segment's host is the gateway itself (tcm_loop).
import { gatewayReady } from "./gateway.ts";
import type { ImageDisk, Topology } from "./types.ts";

/** Settings that are put onto the boot partition before the first start. */
export const prepared = {
  version: 1,
  config: { version: 1, hostname: "flashed", segments: [{ name: "seg0", fabric: { type: "loop" } }] },
};

function machine(name: string, image: ImageDisk, has: { lan: boolean; screen: boolean }): Topology {
  return {
    name,
    ports: has.lan ? { https: 8443 } : {},
    vms: [
      {
        name: "gateway",
        role: "gateway",
        memoryMiB: 768,
        cpus: 2,
        layers: [],
        interfaces: has.lan
          ? [{ kind: "user", mac: "52:54:00:5c:51:30", address: "10.0.2.15", forwards: { https: 443 } }]
          : [],
        adapters: [],
        screen: has.screen,
        image,
        files: {},
        after: [],
        ready: gatewayReady,
        readySeconds: 300,
      },
    ],
  };
}

const boot = { "scsigate.json": JSON.stringify(prepared) };

/** An old PC without a screen. The data partition has room for a bundle. */
export const flashed: Topology = machine(
  "flashed",
  { dataMiB: 400, firmware: "bios", boot },
  { lan: true, screen: false },
);

/** A new PC with a screen, with no network at all and nothing prepared. */
export const offline: Topology = machine("offline", { dataMiB: 64, firmware: "uefi" }, { lan: false, screen: true });
