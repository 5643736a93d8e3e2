// SPDX-License-Identifier: Apache-2.0
// A machine with a USB port: what is plugged in there is on the host, behind 10.0.2.2.
import type { Topology } from "./types.ts";

export const usb: Topology = {
  name: "usb",
  ports: {},
  vms: [
    {
      name: "usb",
      role: "loop",
      memoryMiB: 384,
      cpus: 1,
      layers: [],
      interfaces: [{ kind: "user", mac: "52:54:00:5c:51:40", address: "10.0.2.15", forwards: {} }],
      adapters: [],
      files: {},
      after: [],
      ready: "ip link set eth0 up && ip addr replace 10.0.2.15/24 dev eth0",
      readySeconds: 60,
    },
  ],
};
