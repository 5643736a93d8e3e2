// SPDX-License-Identifier: Apache-2.0
// Everything in one kernel: a hub segment behind tcm_loop devices, stations in network namespaces (see rigs/loop.ts).
import type { Topology } from "./types.ts";

export const loop: Topology = {
  name: "loop",
  ports: {},
  vms: [
    {
      name: "loop",
      role: "loop",
      memoryMiB: 512,
      cpus: 2,
      layers: [],
      interfaces: [],
      adapters: [],
      files: {},
      after: [],
      ready: "true",
      readySeconds: 60,
    },
  ],
};
