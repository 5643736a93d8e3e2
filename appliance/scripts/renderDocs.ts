// SPDX-License-Identifier: Apache-2.0
/** The configuration's documentation page, from its schema. */

type Schema = Record<string, unknown>;

const INTRODUCTION = `<!-- Generated from appliance/schema/config.schema.json by "npm run docs -w appliance". -->
# Configuration

One JSON document, \`/data/scsigate/config.json\`. Everything but \`version\` has a default: \`{"version": 1}\` is a whole configuration, and a
gateway without a document runs with that. The document is read when the supervisor starts.

Of a document with errors, every section that is valid is used; an invalid section falls back to its defaults, and an invalid segment is left
out, so that nothing is exported by mistake. The page, \`/api/v1/status\` and the log say what is wrong, where (as a JSON Pointer), and what to do.

## Example

\`\`\`json
{
  "version": 1,
  "hostname": "gateway",
  "storage": { "interface": "eth1", "ipv4": { "method": "static", "address": "10.0.2.15/24" } },
  "segments": [
    {
      "name": "seg0",
      "fabric": {
        "type": "iscsi",
        "target": "iqn.2026-11.org.scsigate:seg0",
        "initiators": ["iqn.2026-11.org.scsigate:station-a"]
      }
    }
  ],
  "mqtt": { "enabled": true, "url": "mqtt://192.168.1.5:1883" }
}
\`\`\`

## Settings

| setting | what | default |
|---|---|---|
`;

export function renderConfigurationDocs(document: unknown): string {
  const root = asSchema(document);
  const rows: string[] = [];

  const resolve = (schema: Schema): Schema => {
    const reference = schema["$ref"];
    if (typeof reference !== "string") return schema;
    const name = reference.split("/").at(-1) ?? "";
    // What stands beside a reference is more to the point than what it refers to.
    return { ...asSchema(asSchema(root["definitions"])[name]), ...schema };
  };

  const walk = (schema: Schema, path: string, when: string): void => {
    for (const [key, raw] of Object.entries(asSchema(schema["properties"]))) {
      const property = resolve(asSchema(raw));
      const here = path === "" ? key : `${path}.${key}`;
      if (when === "" || property["const"] === undefined) rows.push(row(here, property, when));
      descend(property, here);
    }
  };

  const descend = (property: Schema, path: string): void => {
    walk(property, path, "");
    const items = resolve(asSchema(property["items"]));
    if (items["properties"] !== undefined) walk(items, `${path}[]`, "");
    const tag = asSchema(property["discriminator"])["propertyName"];
    for (const branch of Array.isArray(property["oneOf"]) ? property["oneOf"].map(asSchema) : []) {
      const value = asSchema(asSchema(branch["properties"])[String(tag)])["const"];
      walk(branch, path, `with ${String(tag)} ${String(value)}`);
    }
  };

  walk(root, "", "");
  return `${INTRODUCTION}${rows.join("\n")}\n`;
}

function row(path: string, schema: Schema, when: string): string {
  const allowed = Array.isArray(schema["enum"]) ? ` One of: ${schema["enum"].map(code).join(", ")}.` : "";
  const range = schema["minimum"] === undefined ? "" : ` ${schema["minimum"]} to ${schema["maximum"]}.`;
  const condition = when === "" ? "" : ` (${when})`;
  const fallback = schema["const"] ?? schema["default"];
  const text = `${String(schema["description"] ?? "")}${allowed}${range}${condition}`.trim();
  return `| \`${path}\` | ${text.replaceAll("|", "\\|")} | ${fallback === undefined ? "" : code(fallback)} |`;
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function asSchema(value: unknown): Schema {
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}
