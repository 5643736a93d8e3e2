// SPDX-License-Identifier: Apache-2.0
/** Telemetry as GET /api/v1/telemetry gives it. */
import type { Problem } from "../shared/errors.ts";
import type { MqttStatus } from "./status.ts";

export interface SentMessage {
  /** Milliseconds since 1970 by the gateway's clock. */
  time: number;
  topic: string;
  /** Its beginning, 2000 characters at most. */
  payload: string;
  /** Of the whole payload. */
  bytes: number;
  qos: 0 | 1;
  retain: boolean;
}

export interface TelemetryView {
  mqtt: MqttStatus;
  homeAssistant: {
    enabled: boolean;
    /** Where the device is announced; null while it is not known. */
    topic: string | null;
    /** Whether this connection has told it. */
    announced: boolean;
  };
  syslog: { enabled: boolean; problem: Problem | null };
  /** Newest first. */
  messages: SentMessage[];
}
