// SPDX-License-Identifier: Apache-2.0
/** The configuration's documentation page, from its schema. */
import { EFFECTS } from "../src/config/schema.ts";

type Schema = Record<string, unknown>;

const INTRODUCTION = `<!-- Generated from appliance/schema/config.schema.json by "npm run docs -w appliance". -->
# Configuration

One JSON document. Everything but \`version\` has a default: \`{"version": 1}\` is a whole configuration, and a gateway without a document
runs with that.

## Changing it

A change is a transaction: it is planned and shown, then tried, and kept only when it is confirmed in time (120 s unless told). A change that
cuts off whoever made it is undone by itself; so is one that a restart or a power cut interrupts. When a tried change replaces rules of the
firewall, all connections to the page and the API are closed, so that the confirmation comes over one that the new rules let in. A confirmation
over the network waits until the change is active, and does not count when its connection has ended meanwhile.

    scsigate config set hostname gateway           # into a draft; several settings and values go together
    scsigate config diff                           # what it would change, and what that disturbs
    scsigate config apply --confirm-within 60
    scsigate config confirm                        # or: scsigate config rollback

The same over the API: \`GET /api/v1/config\` gives the document and its ETag, \`PUT\` (a whole document) or \`PATCH\` (a merge patch) with
\`If-Match\` tries a change, \`POST /api/v1/config/confirm\` keeps it. \`GET /api/v1/openapi.json\` describes all of it. A document, patch or
backup may have 1088 KiB, a certificate 160 KiB, all else 4 KiB; an answer names 20 mistakes at most.

A draft is of the document that was confirmed when it was begun. Once another change is confirmed (a station is blocked, somebody uses the page),
the draft is refused with \`config-conflict\`, since it would undo that: \`scsigate config diff\` still shows it, \`scsigate config discard\` drops it.

## On disk

In \`/data/scsigate\`, each file written whole or not at all:

| file | what |
|---|---|
| \`config.json\` | the confirmed document. It may be edited while the supervisor is stopped |
| \`secrets.json\` | its secrets, readable by the service only. A secret that stands in \`config.json\` moves there at the next start |
| \`history/\` | the last five confirmed documents |
| \`pending.json\` | a change that waits for its confirmation; the next start drops it |
| \`access.json\` | users and API keys, as hashes |

A \`config.json\` that is lost, damaged, or of a newer version: the last good document of \`history/\` is used. Of a document with errors, every
section that is valid is used; an invalid section falls back to its defaults, and an invalid segment is left out, so that nothing is exported by
mistake. Where \`encryption\` is invalid, tunnels are left out, too, and with them segments that span gateways. In
all these cases the page, \`/api/v1/status\` and the log say what is wrong, where (as a JSON Pointer), and what to do.

Secrets are accepted in a document, and never in one that is shown: \`GET /api/v1/config/secrets\` says which are set, \`null\` removes one, and a
backup has them only when it was asked to (\`?secrets=true\`). A document or a draft that does not mention a secret leaves it as it is;
\`scsigate config set mqtt.password null\` and \`config unset mqtt.password\` remove it.

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

The last column says what a change disturbs; it is explained below.

| setting | what | default | disturbs |
|---|---|---|---|
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

  const walk = (schema: Schema, path: string, when: string, above: unknown): void => {
    for (const [key, raw] of Object.entries(asSchema(schema["properties"]))) {
      const property = resolve(asSchema(raw));
      const here = path === "" ? key : `${path}.${key}`;
      const disturbs = property["restarts"] ?? above;
      if (when === "" || property["const"] === undefined) rows.push(row(here, property, when, disturbs));
      descend(property, here, disturbs);
    }
  };

  const descend = (property: Schema, path: string, disturbs: unknown): void => {
    walk(property, path, "", disturbs);
    const items = resolve(asSchema(property["items"]));
    if (items["properties"] !== undefined) walk(items, `${path}[]`, "", disturbs);
    const tag = asSchema(property["discriminator"])["propertyName"];
    for (const branch of Array.isArray(property["oneOf"]) ? property["oneOf"].map(asSchema) : []) {
      const value = asSchema(asSchema(branch["properties"])[String(tag)])["const"];
      walk(branch, path, `with ${String(tag)} ${String(value)}`, disturbs);
    }
  };

  walk(root, "", "", []);
  const effects = Object.entries(EFFECTS).map(([name, what]) => `| ${name} | ${what} |`);
  const table = ["", "| disturbs | what that means |", "|---|---|", ...effects];
  return `${INTRODUCTION}${[...rows, ...table].join("\n")}\n`;
}

function row(path: string, schema: Schema, when: string, disturbs: unknown): string {
  const allowed = Array.isArray(schema["enum"]) ? ` One of: ${schema["enum"].map(code).join(", ")}.` : "";
  const range = schema["minimum"] === undefined ? "" : ` ${schema["minimum"]} to ${schema["maximum"]}.`;
  const condition = when === "" ? "" : ` (${when})`;
  const fallback = schema["const"] ?? schema["default"];
  const secret = schema["secret"] === true ? " Secret." : "";
  const text = `${String(schema["description"] ?? "")}${allowed}${range}${secret}${condition}`.trim();
  const list = Array.isArray(disturbs) ? disturbs.join(", ") : "";
  return `| \`${path}\` | ${text.replaceAll("|", "\\|")} | ${fallback === undefined ? "" : code(fallback)} | ${list} |`;
}

function code(value: unknown): string {
  return `\`${JSON.stringify(value)}\``;
}

function asSchema(value: unknown): Schema {
  return typeof value === "object" && value !== null ? (value as Schema) : {};
}
