// SPDX-License-Identifier: Apache-2.0
/** Questions to the configuration's schema: which settings are secret, and what a change of a setting restarts. */
import schemaDocument from "../../schema/config.schema.json" with { type: "json" };
import { asObject, getAt, type JsonObject } from "../shared/json.ts";

export const configSchema: JsonObject = schemaDocument;

/** The version of the document's form that this program writes. */
export const CURRENT_VERSION: number = Number(getAt(configSchema, ["properties", "version", "const"]));

/** What a change can disturb, as the schema's keyword "restarts" names it, in words. */
export const EFFECTS = {
  page: "the page and the API are opened again, at once",
  telemetry: "the connections to the broker and to the log server are made anew",
  clock: "times are shown in another zone; nothing is interrupted",
  lan: "the gateway's own connections on its Ethernet may break",
  segment: "hosts of the segment lose their connections and may need a new address",
  dhcp: "the segment's DHCP and DNS server is started anew",
  fabric: "hosts that lose their access, target or portal are cut off; others stay",
  routes: "packets to these networks take another way; connections over the one before may break",
  stations:
    "stations that are blocked are cut off, those that are not any more get through; while one is blocked, packets between stations of its segment go through the gateway's IP",
  mesh: "routes to the segments of other gateways may be gone for some seconds",
  ssh: "SSH sessions end, unless keys are only added",
  monitoring: "SNMP and LLDP are started anew; nothing else notices",
  panel: "LEDs, button and reset line are let go and taken anew; the network does not notice",
  update: "the fleet's server is asked anew; what is being installed goes on",
  firewall: "rules are replaced in one step; what is established stays",
} as const;
export type Effect = keyof typeof EFFECTS;

/** Follows a reference within the schema; what stands beside it goes before what it refers to. */
export function resolve(schema: JsonObject, root: JsonObject = configSchema): JsonObject {
  const reference = schema["$ref"];
  if (typeof reference !== "string") return schema;
  const target = asObject(getAt(root, reference.replace(/^#\//, "").split("/")));
  return { ...resolve(target, root), ...schema };
}

/** The schemas of all values that may stand at one key below a value of one of these schemas. */
export function below(schemas: readonly JsonObject[], key: string): JsonObject[] {
  return schemas.flatMap((schema) => belowOne(schema, key));
}

function belowOne(schema: JsonObject, key: string): JsonObject[] {
  const found: JsonObject[] = [];
  const branches = Array.isArray(schema["oneOf"]) ? schema["oneOf"].map(asObject) : [];
  for (const candidate of [schema, ...branches]) {
    const property = asObject(candidate["properties"])[key];
    if (property !== undefined) found.push(resolve(asObject(property)));
  }
  if (schema["items"] !== undefined && /^[0-9]+$/.test(key)) found.push(resolve(asObject(schema["items"])));
  return found;
}

/** Whether nothing but a text may stand at this path: whatever it looks like, it is no number and no list. */
export function isText(path: readonly string[]): boolean {
  let level: JsonObject[] = [configSchema];
  for (const key of path) level = below(level, key);
  return level.length > 0 && level.every(isTextSchema);
}

function isTextSchema({ type, const: fixed, enum: choices }: JsonObject): boolean {
  const values = Array.isArray(choices) ? choices : [fixed];
  return type === "string" || values.every((value) => typeof value === "string");
}

/** What a change at this path restarts: as the nearest setting on the way to it says. */
export function effectsAt(path: readonly string[]): Effect[] {
  let level: JsonObject[] = [configSchema];
  let effects: Effect[] = [];
  for (const key of path) {
    level = below(level, key);
    const named = level.map((schema) => schema["restarts"]).find(Array.isArray);
    if (named !== undefined) effects = named.filter((name): name is Effect => name in EFFECTS);
  }
  return effects;
}

/**
 * Paths of the secret settings. None is in a list: a test sees to that, since a list's entries have no lasting place.
 */
export const SECRET_PATHS: readonly (readonly string[])[] = secretsOf(configSchema, []);

function secretsOf(schema: JsonObject, path: readonly string[]): string[][] {
  const found: string[][] = [];
  const branches = Array.isArray(schema["oneOf"]) ? schema["oneOf"].map(asObject) : [];
  for (const candidate of [schema, ...branches]) {
    for (const [key, raw] of Object.entries(asObject(candidate["properties"]))) {
      const property = resolve(asObject(raw));
      if (property["secret"] === true) found.push([...path, key]);
      else found.push(...secretsOf(property, [...path, key]));
    }
  }
  if (schema["items"] !== undefined) found.push(...secretsOf(resolve(asObject(schema["items"])), [...path, "0"]));
  return found;
}
