// SPDX-License-Identifier: Apache-2.0
// node messages.mjs [--check]: makes the management messages' definitions for C and TypeScript from messages.json,
// or says whether they are what it would make.
import { readFileSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const def = JSON.parse(readFileSync(new URL("messages.json", root), "utf8"));

const snake = (name) => name.replaceAll(/[A-Z]|(?<=[a-z])[0-9]/g, (c) => `_${c}`).toUpperCase();
const offsets = (fields) => {
  let at = 0;
  return fields.map(([name, size]) => {
    const field = { name, at, size };
    at += size;
    return field;
  });
};
const sizeOf = (fields) => fields.reduce((sum, [, size]) => sum + size, 0);
const LAYOUTS = ["hello", "station", "settings", "updateBegin", "updateData", "updateState"];
const LISTS = ["counters", "stationCounters"];
const ENUMS = [
  ["requests", ""],
  ["results", "RESULT_"],
  ["capabilities", "CAN_"],
  ["settingsFlags", "FLAG_"],
];

function forC() {
  const out = ["/* SPDX-License-Identifier: Apache-2.0 */", "/* Made from messages.json by scripts/messages.mjs */"];
  out.push("#ifndef MESSAGES_H", "#define MESSAGES_H", "");
  const define = (name, value) => out.push(`#define MGMT_${name} ${value}`);
  define("VERSION", def.version);
  define("PAYLOAD_MAX", def.payloadMax);
  define("STATIONS", def.stations);
  for (const [group, prefix] of ENUMS) {
    out.push("");
    for (const [name, value] of Object.entries(def[group])) define(prefix + name, value);
  }
  for (const layout of LAYOUTS) {
    out.push("", `/* ${layout}: offsets, sizes in bytes; big endian */`);
    for (const { name, at, size } of offsets(def[layout])) {
      define(`${snake(layout)}_${snake(name)}`, at);
      define(`${snake(layout)}_${snake(name)}_SIZE`, size);
    }
    define(`${snake(layout)}_SIZE`, sizeOf(def[layout]));
  }
  for (const list of LISTS) {
    out.push("", `/* ${list}: 32 bits each, in this order */`);
    for (const [index, name] of def[list].entries()) define(`${snake(list)}_${snake(name)}`, index);
    define(`${snake(list)}_COUNT`, def[list].length);
  }
  return `${[...out, "", "#endif"].join("\n")}\n`;
}

function forTypeScript() {
  const out = [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Made from firmware/messages.json by firmware/scripts/messages.mjs",
  ];
  const object = (name, entries) => {
    out.push("", `export const ${name} = {`);
    out.push(...entries.map(([key, value]) => `  ${key}: ${value},`), "} as const;");
  };
  out.push("", `export const VERSION = ${def.version};`, `export const PAYLOAD_MAX = ${def.payloadMax};`);
  out.push(`export const STATIONS = ${def.stations};`);
  for (const [group] of ENUMS) object(snake(group), Object.entries(def[group]));
  for (const layout of LAYOUTS) {
    out.push("", "/** Offsets and sizes in bytes; numbers are big endian. */");
    object(
      `${snake(layout)}_LAYOUT`,
      offsets(def[layout]).map(({ name, at, size }) => [name, `{ at: ${at}, size: ${size} }`]),
    );
    out.push(`export const ${snake(layout)}_SIZE = ${sizeOf(def[layout])};`);
  }
  for (const list of LISTS) {
    out.push("", "/** 32 bits each, in this order. */", `export const ${snake(list)}_LIST = [`);
    out.push(...def[list].map((name) => `  "${name}",`), "] as const;");
  }
  return `${out.join("\n").replaceAll("*/\n\nexport", "*/\nexport")}\n`;
}

const files = [
  ["src/mgmt/messages.h", forC()],
  ["../appliance/src/adapter/messages.ts", forTypeScript()],
];
let stale = 0;
for (const [path, text] of files) {
  const url = new URL(path, root);
  if (!process.argv.includes("--check")) writeFileSync(url, text);
  else if (readFileSync(url, "utf8") !== text) {
    console.log(`FAIL: firmware/${path} is not what messages.json says: run node firmware/scripts/messages.mjs`);
    stale++;
  }
}
process.exitCode = stale === 0 ? 0 : 1;
