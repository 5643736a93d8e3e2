// SPDX-License-Identifier: Apache-2.0
/**
 * The state of the gateway as GET /api/v1/status and /api/v1/events give it. The web UI imports these types; schemas.ts says
 * what is what. Counters carry the kernel's own names, so that they can be compared with `ip -s link` and sysfs.
 */
export type {
  Adapter,
  AdapterExport,
  AdapterUpdate,
  BusStatus,
  ConfigError,
  DriverCounters,
  EncryptionStatus,
  Health,
  LinkCounters,
  LinkStatus,
  MeshStatus,
  MqttStatus,
  Percentiles,
  Rates,
  SegmentStatus,
  StationCounters,
  StationLatency,
  StationStatus,
  Status,
  Temperature,
  UpdateStatus,
  Version,
} from "../../generated/api.d.ts";
export type { Problem } from "../shared/errors.ts";
