// SPDX-License-Identifier: Apache-2.0
/**
 * Compiles the JSON Schemas to plain code: the image carries no schema compiler and spends no start-up time on it. And to
 * types, so that no shape is written twice.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import standaloneCode from "ajv/dist/standalone/index.js";
import { BODIES, SCHEMAS } from "../src/api/schemas.ts";
import { requestSchema } from "../src/protocol/requestSchema.ts";
import { typesOf } from "./typesOf.ts";

const root = join(import.meta.dirname, "..");
const read = (name: string) => JSON.parse(readFileSync(join(root, "schema", name), "utf8")) as Record<string, unknown>;
const configSchema = read("config.schema.json");
const prepareSchema = read("prepare.schema.json") as { properties: Record<string, object> };

/** The generator's types do not fit its CommonJS form. */
const compile = standaloneCode as unknown as (instance: Ajv, references: Record<string, string>) => string;

/**
 * @param explain whether errors carry what a person needs to correct the document: all of them, with their schemas.
 * ajv fills in defaults only outside of oneOf, except with a discriminator: the schemas use one wherever they branch.
 */
function generate(file: string, name: string, schema: object, explain: boolean, others: object[] = []): void {
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
  ajv.addVocabulary(["restarts", "secret"]); // what src/config/schema.ts reads
  for (const other of others) ajv.addSchema(other);
  ajv.addSchema(schema, name);
  writeFileSync(join(root, "generated", file), compile(ajv, { [name]: name }));
}

mkdirSync(join(root, "generated"), { recursive: true });
generate("configValidator.cjs", "validateConfig", configSchema, true);
// The document in it is looked at by its own validator: it is there already, and brings older forms up to date first.
const document = { type: "object" };
const outer = { ...prepareSchema, properties: { ...prepareSchema.properties, config: document } };
generate("prepareValidator.cjs", "validatePrepared", outer, true, [configSchema]);
generate("requestValidator.cjs", "validateRequest", requestSchema, false);
generateApi();
const writeTypes = (file: string, types: string) => writeFileSync(join(root, "generated", file), types);
writeTypes("config.d.ts", await typesOf({ Config: configSchema }, configSchema, true));
writeTypes("api.d.ts", await typesOf(SCHEMAS, {}, false));
writeTypes("request.d.ts", await typesOf({ Request: requestSchema }, requestSchema, false));

/**
 * A function for each body that the API takes. Schemas refer to each other as OpenAPI has it; here each has a name of
 * its own.
 */
function generateApi(): void {
  // The first mistake ends it: anybody may send a body with a hundred thousand.
  const ajv = new Ajv({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    code: { source: true },
  });
  const schemas = JSON.parse(JSON.stringify(SCHEMAS).replaceAll("#/components/schemas/", "")) as Record<string, object>;
  for (const [name, schema] of Object.entries(schemas)) ajv.addSchema({ $id: name, ...schema });
  const code = compile(ajv, Object.fromEntries(BODIES.map((name) => [name, name])));
  writeFileSync(join(root, "generated/apiValidator.cjs"), `${code}\nexports.validators = { ...exports };\n`);
}
