// SPDX-License-Identifier: Apache-2.0
/** What /api/v1/stations and what is below it takes and gives. The web UI imports these types. */
export type {
  /** The one capture that there is: it runs, or can be fetched. */
  Capture as CaptureView,
  PingResult,
  Series,
  Station as StationView,
  StationChange,
  ThroughputResult,
} from "../../generated/api.d.ts";
