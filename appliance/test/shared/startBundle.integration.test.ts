// SPDX-License-Identifier: Apache-2.0
/** A bundle with compiled code: real Node processes. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Tree, temporaryTree } from "../support/tree.ts";

const COMPILE = join(import.meta.dirname, "../../scripts/compile.cjs");
const LOADER = join(import.meta.dirname, "../../src/shared/startBundle.ts");
const TSX = import.meta.resolve("tsx");
const FLAGS = ["--max-semi-space-size=1"];
const SEEDS = ["--hash-seed=1", "--random-seed=1"];

/** Tells when it is loaded, when it is started, and what it takes for its own file. */
const BUNDLE = `
const { basename } = require("node:path");
process.stdout.write("loaded ");
exports.start = () => process.stdout.write("started " + [basename(__filename), basename(__dirname)].join(" "));
`;

const test = suite<{ tree: Tree; bundle: string }>("starting a bundle");

test.before.each((context) => {
  context.tree = temporaryTree();
  context.bundle = join(context.tree.root, "program.js");
  writeFileSync(context.bundle, BUNDLE);
});
test.after.each(({ tree }) => tree.dispose());

function compile(bundle: string, out: string, flags = FLAGS): Buffer {
  execFileSync(process.execPath, [...SEEDS, ...flags, COMPILE, bundle, out], { stdio: "pipe" });
  return readFileSync(out);
}

function start(bundle: string): string {
  const program = `import(${JSON.stringify(LOADER)}).then((loader) => loader.startBundle(${JSON.stringify(bundle)}))`;
  return execFileSync(process.execPath, [...FLAGS, "--import", TSX, "-e", program], { encoding: "utf8" });
}

/** Whether V8 takes compiled code for the bundle. */
function taken(bundle: string, flags = FLAGS): boolean {
  const program = `
    const { readFileSync } = require("node:fs");
    const source = require("node:module").wrap(readFileSync(${JSON.stringify(bundle)}, "latin1"));
    const cachedData = readFileSync(${JSON.stringify(`${bundle}.cache`)});
    process.stdout.write(String(new (require("node:vm").Script)(source, { cachedData }).cachedDataRejected));`;
  return execFileSync(process.execPath, [...flags, "-e", program], { encoding: "utf8" }) === "false";
}

test("without compiled code", ({ bundle, tree }) => {
  assert.is(start(bundle), `loaded started program.js ${tree.root.split("/").at(-1)}`);
});

test("with compiled code it does the same", ({ bundle, tree }) => {
  compile(bundle, `${bundle}.cache`);
  assert.ok(taken(bundle));
  assert.is(start(bundle), `loaded started program.js ${tree.root.split("/").at(-1)}`);
});

test("what is made with other options, or is damaged, is left out", ({ bundle }) => {
  compile(bundle, `${bundle}.cache`, ["--max-semi-space-size=2"]);
  assert.not.ok(taken(bundle));
  assert.match(start(bundle), /^loaded started/);
  writeFileSync(`${bundle}.cache`, "damaged");
  assert.match(start(bundle), /^loaded started/);
});

test("compiled code is the same each time", ({ bundle, tree }) => {
  assert.ok(compile(bundle, join(tree.root, "one")).equals(compile(bundle, join(tree.root, "two"))));
});

test("a bundle that is not ASCII is refused", ({ bundle, tree }) => {
  writeFileSync(bundle, "exports.start = () => 'ä';\n");
  assert.throws(() => compile(bundle, join(tree.root, "out")), /is not ASCII/);
});

test.run();
