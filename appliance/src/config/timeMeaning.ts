// SPDX-License-Identifier: Apache-2.0
/** Whether a time zone is one, by the data that the program's own runtime has. */
import type { ConfigError } from "../api/status.ts";

export function checkZone(zone: string, errors: ConfigError[]): void {
  if (zone === "UTC") return; // the default: the runtime's data of all zones is slow to load, at each start
  const known = Intl.supportedValuesOf("timeZone");
  // Names differ in capital letters only: files of zones are found by them.
  const alike = known.find((name) => name.toLowerCase() === zone.toLowerCase());
  if (alike === zone || (alike === undefined && isZone(zone))) return; // an older name of a zone is none of the list
  const town = zone.split("/").at(-1)?.toLowerCase() ?? "";
  const near = alike ?? known.find((name) => name.toLowerCase().split("/").at(-1) === town);
  errors.push({
    path: "/time/zone",
    message: `${zone} is not a time zone`,
    nextStep:
      near === undefined ? "Use a name of the IANA list, such as Europe/Berlin, or UTC." : `Did you mean ${near}?`,
  });
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
