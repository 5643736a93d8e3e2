// SPDX-License-Identifier: Apache-2.0
import { adapter } from "./adapter.ts";
import { adapters } from "./adapters.ts";
import { cluster } from "./cluster.ts";

import { debian } from "./debian.ts";
import { first } from "./first.ts";
import { flashed, offline } from "./image.ts";

import { loop } from "./loop.ts";
import { mesh } from "./mesh.ts";
import type { Topology } from "./types.ts";
import { usb } from "./usb.ts";

export const topologies: Readonly<Record<string, Topology>> = {
  adapter,
  adapters,
  cluster,
  debian,
  first,
  flashed,
  loop,
  mesh,
  offline,
  usb,
};
