// SPDX-License-Identifier: Apache-2.0
/** Whether what is published has the form that schema/mqtt/ promises. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import type { Heard } from "./mosquitto.ts";

const TOPICS: [RegExp, string][] = [
  [/^scsigate\/[0-9a-f]{12}\/state$/, "state"],
  [/^scsigate\/[0-9a-f]{12}\/telemetry$/, "telemetry"],
  [/^scsigate\/[0-9a-f]{12}\/segment\/[^/]+$/, "segment"],
  [/^scsigate\/[0-9a-f]{12}\/segment\/[^/]+\/peer\/[0-9a-f:]{17}$/, "peer"],
  [/^scsigate\/[0-9a-f]{12}\/event$/, "event"],
  [/^[a-z]+\/device\/[0-9a-f]{12}\/config$/, "discovery"],
];

const compiled = new Map<string, ValidateFunction>();

function schema(name: string): ValidateFunction {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const file = join(import.meta.dirname, `../../schema/mqtt/${name}.schema.json`);
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(JSON.parse(readFileSync(file, "utf8")));
  compiled.set(name, validate);
  return validate;
}

/** Everything that does not fit, in words; and which forms were seen. Commands and birth messages are left out. */
export function checkSchemas(heard: readonly Heard[]): { wrong: string[]; seen: Set<string> } {
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { topic, payload } of heard) {
    if (payload === "" || topic.includes("/command/") || topic.endsWith("/status")) continue;
    const name = TOPICS.find(([pattern]) => pattern.test(topic))?.[1];
    if (name === undefined) {
      wrong.push(`${topic}: no schema`);
      continue;
    }
    seen.add(name);
    const validate = schema(name);
    if (!validate(JSON.parse(payload))) wrong.push(`${topic}: ${JSON.stringify(validate.errors)} in ${payload}`);
  }
  return { wrong, seen };
}
