// SPDX-License-Identifier: Apache-2.0
/** Whether stations of a segment reach the LAN, as far as the diagnosis can tell. */
import type { Diagnosis, DiagnosisCheck } from "@scsigate/appliance/api/diagnosis";

/** Without one of these, nothing passes; names, clock and broker are no part of the way. */
const LINKS: readonly string[] = [
  "driver",
  "segment",
  "export",
  "station",
  "station-address",
  "gateway-address",
  "forwarding",
  "mesh",
  "lan-link",
  "lan-address",
  "lan-router",
];

export interface Way {
  reached: boolean;
  /** What keeps it from being reached, or is worth a look; the first one is the one to mend. */
  findings: DiagnosisCheck[];
}

export function wayOf({ checks }: Diagnosis, segment: string): Way {
  const way = checks.filter((check) => LINKS.includes(check.id) && (check.segment ?? segment) === segment);
  const broken = way.filter(({ state }) => state === "bad");
  const doubtful = way.filter(({ state }) => state === "unknown");
  // What is not known behind a broken link says nothing more.
  const amber = way.filter(({ state }) => state === "warn");
  if (broken.length > 0) return { reached: false, findings: broken };
  if (doubtful.length > 0) return { reached: false, findings: [...amber, ...doubtful] };
  return { reached: true, findings: amber };
}
