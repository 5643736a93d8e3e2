// SPDX-License-Identifier: Apache-2.0
/** What a plan is made of beside the configuration. */
import type { InterfaceAddress, Route } from "../observe/ipJson.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";
import type { Bindings } from "./initiators.ts";

export interface Observed {
  /** Physical Ethernet interfaces, oldest first. */
  ethernets: EthernetInterface[];
  addresses: Map<string, InterfaceAddress[]>;
  routes: Route[];
  /** The machine is somebody's, who has us as a package: see shared/machine.ts. */
  guest?: boolean;
  /** Whether the LAN's addresses can be relied on: it has one, or had time enough to get one. */
  lanSettled: boolean;
  /** Stations that initiators' settings are for; absent: none is known. */
  bindings?: Bindings;
  /** Of the software; told to whoever looks for gateways on the LAN. */
  version?: string;
}
