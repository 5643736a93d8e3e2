// SPDX-License-Identifier: Apache-2.0
/** The firewall's rules in the form: sides to choose from, and what each rule has matched. */
import type { FirewallRuleHits } from "@scsigate/appliance/api/network";
import { asObject, type JsonObject } from "@scsigate/appliance/json";
import * as format from "../core/format.ts";
import { strings } from "../strings.ts";
import { SelectField } from "./fields.tsx";
import type { EntryField, FormContext } from "./form.tsx";

const words = strings.firewall;

interface StationSide {
  segment: string;
  name: string;
  /** The one that is kept for it: another one would be somebody else's tomorrow. */
  ip: string;
}

/** How a side of a rule is chosen, by the document that is worked on. */
export function firewallForm(
  document: JsonObject,
  hits: readonly FirewallRuleHits[],
  live: readonly { name: string }[],
): Partial<FormContext> {
  const segments = listOf(document["segments"]);
  // A document without any has those that are there by default.
  const names = segments.length > 0 ? segments.map(({ name }) => String(name)) : live.map(({ name }) => name);
  const stations = segments.flatMap((segment): StationSide[] =>
    listOf(segment["stations"]).flatMap(({ address, name, ipv4 }) =>
      typeof ipv4 === "string" ? [{ segment: String(segment["name"]), name: String(name ?? address), ip: ipv4 }] : [],
    ),
  );
  return {
    special(field) {
      const side = sideOf(field.path);
      return side === undefined ? undefined : (
        <Side key={side} {...field} side={side} segments={names} stations={stations} />
      );
    },
    note(path, { name }) {
      if (path[0] !== "firewall" || path[1] !== "rules") return undefined;
      const found = hits.find((one) => one.name === name);
      return found === undefined ? undefined : words.hits(format.count(found.packets), format.bytes(found.bytes));
    },
  };
}

function sideOf(path: readonly string[]): "from" | "to" | undefined {
  const [part, list, , key] = path;
  if (path.length !== 4 || part !== "firewall" || list !== "rules") return undefined;
  return key === "from" || key === "to" ? key : undefined;
}

interface SideProps extends EntryField {
  side: "from" | "to";
  segments: readonly string[];
  stations: readonly StationSide[];
}

function Side({ side, segments, stations, entry, onEntry, ...shown }: SideProps) {
  const list = side === "from" ? "sources" : "destinations";
  const value = String(entry[side] ?? "");
  const addresses = listed(entry[list]);
  const chosen = stations.find(({ segment, ip }) => segment === value && addresses.length === 1 && addresses[0] === ip);
  const known: (readonly [string, string])[] = [
    ...(side === "to" ? ["gateway"] : []),
    ...["any", "lan", "storage", "segments"],
  ].map((name) => [name, words.sides[name] ?? name]);
  const options = [
    ...known,
    ...segments.map((name) => [name, words.segment(name)] as const),
    ...stations.map((station) => [keyOf(station), words.station(station.name, station.ip, station.segment)] as const),
  ];
  const own = chosen === undefined ? value : keyOf(chosen);
  return (
    <SelectField
      {...shown}
      value={own}
      // What is none of them is shown as it is: the gateway says what is wrong with it.
      options={options.some(([name]) => name === own) ? options : [[own, own || strings.network.unset], ...options]}
      onInput={(name) => {
        const station = stations.find((one) => keyOf(one) === name);
        const { [list]: _before, ...rest } = entry;
        if (station !== undefined) onEntry({ ...entry, [side]: station.segment, [list]: [station.ip] });
        // A station's address goes with the station; other addresses stay.
        else onEntry({ ...(chosen === undefined ? entry : rest), [side]: name });
      }}
    />
  );
}

function keyOf({ segment, ip }: StationSide): string {
  return `${segment} ${ip}`;
}

function listed(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}
