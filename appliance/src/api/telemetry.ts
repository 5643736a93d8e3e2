// SPDX-License-Identifier: Apache-2.0
/** Telemetry as GET /api/v1/telemetry gives it. */
export type { SentMessage, Telemetry as TelemetryView } from "../../generated/api.d.ts";
