// SPDX-License-Identifier: Apache-2.0
/** Names of settings, for people. */
import { getAt, isObject, parsePointer } from "@scsigate/appliance/json";
import { strings } from "../strings.ts";

export function labelOf(key: string): string {
  const words = key.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return strings.settings[key] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * Where a setting is, in words: "Segments › seg0 › DHCP and DNS".
 * @param documents where the names of list entries are looked up, the first that has one
 */
export function titleOf(pointer: string, ...documents: readonly unknown[]): string {
  const keys = parsePointer(pointer) ?? [pointer];
  if (keys.length === 0) return strings.plan.document;
  const words = keys.map((key, at) => {
    if (at === 0 || !/^[0-9]+$/.test(key)) return labelOf(key);
    const entry = documents.map((document) => getAt(document, keys.slice(0, at + 1))).find(isObject);
    const name = entry?.["name"];
    const fallback = strings.network.entry(strings.singular(labelOf(keys[at - 1] ?? "")), Number(key));
    return typeof name === "string" && name !== "" ? name : fallback;
  });
  return words.join(" › ");
}
