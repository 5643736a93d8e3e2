// SPDX-License-Identifier: Apache-2.0
/** The configuration document after defaults were filled in. Its form is schema/config.schema.json; a test compares. */

export type Ipv4Method =
  | { method: "dhcp" }
  | { method: "static"; address: string; gateway?: string; dns: string[] }
  | { method: "none" };

export interface LanConfig {
  /** A name, or "auto". */
  interface: string;
  ipv4: Ipv4Method;
}

export interface StorageConfig {
  interface: string;
  ipv4: Ipv4Method;
}

export type FabricConfig =
  | { type: "iscsi"; target: string; portals: string[]; initiators: string[] }
  | { type: "loop" }
  | { type: "none" };

export interface SegmentConfig {
  name: string;
  /** "address/prefix", or "auto". */
  ipv4: { address: string };
  dhcp: { enabled: boolean; leaseSeconds: number };
  fabric: FabricConfig;
}

export interface HttpConfig {
  port: number;
  httpsPort: number;
  publicHttpsPort: number;
}

export interface MqttConfig {
  enabled: boolean;
  url: string;
  intervalSeconds: number;
}

export interface Config {
  version: 1;
  hostname: string;
  mode: "routed";
  lan: LanConfig;
  storage?: StorageConfig;
  segments: SegmentConfig[];
  http: HttpConfig;
  mqtt: MqttConfig;
}
