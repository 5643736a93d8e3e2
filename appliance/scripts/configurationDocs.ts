// SPDX-License-Identifier: Apache-2.0
/** Writes docs/configuration.md from the schema; with --check, says whether it is up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderConfigurationDocs } from "./renderDocs.ts";

const root = join(import.meta.dirname, "../..");
const target = join(root, "docs/configuration.md");
const schema: unknown = JSON.parse(readFileSync(join(root, "appliance/schema/config.schema.json"), "utf8"));
const text = renderConfigurationDocs(schema);
if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error("docs/configuration.md is not what the schema says: npm run docs -w appliance");
  process.exit(1);
}
