// SPDX-License-Identifier: Apache-2.0
import { cluster } from "./cluster.ts";
import { loop } from "./loop.ts";
import { mesh } from "./mesh.ts";
import type { Topology } from "./types.ts";

export const topologies: Readonly<Record<string, Topology>> = { cluster, loop, mesh };
