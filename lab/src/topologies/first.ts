// SPDX-License-Identifier: Apache-2.0
// A gateway at its first start, prepared by scsigate.json: nobody has set it up by hand.
import { gatewayReady } from "./gateway.ts";
import type { Topology } from "./types.ts";

export const owner = { name: "owner", password: "correct horse battery" } as const;

export const first: Topology = {
  name: "first",
  ports: {},
  vms: [
    {
      name: "gateway",
      role: "gateway",
      memoryMiB: 768,
      cpus: 2,
      layers: [],
      interfaces: [{ kind: "user", mac: "52:54:00:5c:51:20", address: "10.0.2.15", forwards: {} }],
      adapters: [],
      watchdog: true,
      image: {
        dataMiB: 32,
        firmware: "direct",
        // As an editor on Windows leaves it.
        boot: {
          "scsigate.json": `\ufeff${JSON.stringify(
            {
              version: 1,
              config: { version: 1, hostname: "prepared", lan: { interface: "eth0" } },
              users: [{ name: owner.name, password: owner.password }],
            },
            null,
            2,
          ).replaceAll("\n", "\r\n")}`,
        },
      },
      files: {},
      after: [],
      ready: gatewayReady,
      readySeconds: 180,
    },
  ],
};
