// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { strings as de } from "../src/strings/de.ts";
import { strings as en } from "../src/strings/en.ts";
import { firstKnown, language, strings } from "../src/strings.ts";

/** What English leaves out is shown as the schema and the gateway call it. */
const APART = ["settings", "checkTitles"];
/** The same in both: names, units, and what programs read. */
const SAME =
  /^(|–|0|[0-9]+ (min|h)|[A-Z]{2,}|scsigate|[a-z-]+-[a-z-]+|GET|MQTT.*|Home Assistant|Prometheus|retained|cancelled)$/;

/** Every word, by its way through the catalogue. */
function* leaves(value: object, path = ""): Generator<[string, unknown]> {
  for (const [key, own] of Object.entries(value)) {
    if (path === "" && APART.includes(key)) continue;
    if (typeof own === "object" && own !== null) yield* leaves(own, `${path}/${key}`);
    else yield [`${path}/${key}`, own];
  }
}

test("both languages have the same keys, in the same order, and say something", () => {
  assert.equal(
    [...leaves(de)].map(([path]) => path),
    [...leaves(en)].map(([path]) => path),
  );
  const english = new Map(leaves(en));
  for (const [path, own] of leaves(de)) {
    assert.is(typeof own, typeof english.get(path), path);
    if (typeof own === "function")
      assert.ok(own.length <= (english.get(path) as (...words: unknown[]) => string).length, path);
    if (english.get(path) !== "") assert.is.not(own, "", path);
  }
});

test("German is German: what is the same is a name", () => {
  const english = new Map(leaves(en));
  const same = [...leaves(de)].filter(
    ([path, own]) => typeof own === "string" && own === english.get(path) && !SAME.test(own),
  );
  const names = [
    ...["Gateway", "Version", "Routed", "Proxy ARP", "Bridge", "Mesh", "Topics", "Station", "Segment", "Name", "Ping"],
    ...[
      "Unit Attention",
      "Firewall",
      "System",
      "Update",
      "Administrator",
      "Software",
      "Adapter",
      "Firmware",
      "Board",
      "Build",
      "Lease",
      "Initiator",
      "iSCSI",
      "Rate",
    ],
  ];
  assert.equal(
    same.filter(([, own]) => !names.includes(String(own))),
    [],
  );
});

test("every setting that the schema has is named in German", () => {
  const schema: unknown = JSON.parse(
    readFileSync(new URL("../../appliance/schema/config.schema.json", import.meta.url), "utf8"),
  );
  const missing = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { properties } = value as { properties?: object };
    for (const key of Object.keys(properties ?? {})) if (de.settings[key] === undefined) missing.add(key);
    for (const own of Object.values(value)) walk(own);
  };
  walk(schema);
  assert.equal([...missing], []);
});

test("the first language that is known is taken, else English", () => {
  assert.is(firstKnown([null, "de-AT", "en"]), "de");
  assert.is(firstKnown(["fr", "DE"]), "de");
  assert.is(firstKnown(["en", "de"]), "en");
  assert.is(firstKnown(["fr", "dev"]), "en");
  assert.is(firstKnown([]), "en");
});

test("without a browser it is English", () => {
  assert.is(language, "en");
  assert.is(strings, en);
});

test.run();
