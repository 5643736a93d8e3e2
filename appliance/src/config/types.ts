// SPDX-License-Identifier: Apache-2.0
/**
 * The configuration document after defaults were filled in, and names for its parts. Its form and what each setting is are
 * in schema/config.schema.json, of which scripts/generate.ts makes the type.
 */
import type { Config } from "../../generated/config.d.ts";

export type { Config };

export type Mode = Config["mode"];
export type Ipv4Method = Config["lan"]["ipv4"];

export type SegmentConfig = Config["segments"][number];
export type DhcpOptionConfig = SegmentConfig["dhcp"]["options"][number];
/** What is special about a station. */
export type StationConfig = SegmentConfig["stations"][number];

export type FabricConfig = SegmentConfig["fabric"];
export type IscsiFabric = Extract<FabricConfig, { type: "iscsi" }>;
/** A port of a host adapter in target mode. */
export type PortFabric = Extract<FabricConfig, { type: "qla2xxx" | "srpt" | "sbp" }>;
/** An adapter of ours, on USB. */
export type AdapterFabric = Extract<FabricConfig, { type: "adapter" }>;

export type ChapConfig = Config["chap"];
export type MeshConfig = Config["mesh"];
export type EncryptionConfig = Config["encryption"];
export type RouteConfig = Config["routes"][number];

/** A side of the gateway; segments: all of them. */
export type Side = Config["firewall"]["management"][number];

export type MqttConfig = Config["mqtt"];
export type MqttCommand = MqttConfig["commands"]["allow"][number];
export type SyslogConfig = Config["syslog"];
/** hawkBit */
export type FleetConfig = Config["update"]["fleet"];
