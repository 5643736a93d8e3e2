// SPDX-License-Identifier: Apache-2.0
/** Compiles the JSON Schemas to plain code: the image carries no schema compiler and spends no start-up time on it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { requestSchema } from "../src/protocol/requestSchema.ts";

const root = join(import.meta.dirname, "..");
const configSchema = JSON.parse(readFileSync(join(root, "schema/config.schema.json"), "utf8")) as object;

/** The generator's types do not fit its CommonJS form. */
const compile = standaloneCode as unknown as (instance: Ajv, references: Record<string, string>) => string;

/**
 * @param explain whether errors carry what a person needs to correct the document: all of them, with their schemas.
 * ajv fills in defaults only outside of oneOf, except with a discriminator: the schemas use one wherever they branch.
 */
function generate(file: string, name: string, schema: object, explain: boolean): void {
  const ajv = new Ajv({
    allErrors: explain,
    verbose: explain,
    useDefaults: true,
    discriminator: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    code: { source: true, esm: false },
  });
  ajv.addSchema(schema, name);
  writeFileSync(join(root, "generated", file), compile(ajv, { [name]: name }));
}

mkdirSync(join(root, "generated"), { recursive: true });
generate("configValidator.cjs", "validateConfig", configSchema, true);
generate("requestValidator.cjs", "validateRequest", requestSchema, false);
