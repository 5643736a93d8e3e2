// SPDX-License-Identifier: Apache-2.0
/** What a setting may be chosen from: things of the machine, as the gateway tells them, and names made of others. */
import type { Suggestion } from "@scsigate/appliance/api/network";
import { getAt, isObject, type JsonObject } from "@scsigate/appliance/json";

export interface Offer {
  value: string;
  about: string;
}

/** @param path of the setting in the document, as it is edited */
export function offersFor(
  path: readonly string[],
  document: JsonObject,
  known: readonly Suggestion[],
): readonly Offer[] {
  const setting = path.map((part) => (/^[0-9]+$/.test(part) ? "N" : part)).join("/");
  const segment = getAt(document, path.slice(0, 2));
  const fabric = isObject(segment) ? getAt(segment, ["fabric", "type"]) : undefined;
  if (setting === "segments/N/fabric/target" && isObject(segment)) {
    // After the name of the project, and the month in which it began (RFC 3720, section 3.2.6.3.1).
    const value = `iqn.2026-11.org.scsigate:${String(document["hostname"] ?? "scsigate").toLowerCase()}.${segment["name"]}`;
    return [{ value, about: "" }];
  }
  return known.filter((one) => one.setting === setting && (one.fabric === null || one.fabric === fabric));
}
