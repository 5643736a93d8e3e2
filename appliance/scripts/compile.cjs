// SPDX-License-Identifier: Apache-2.0
/**
 * compile.cjs BUNDLE OUT - writes V8's compiled code of a bundle, for src/shared/startBundle.ts. To be run by the very Node that
 * will read it, with the options that the program gets (src/shared/flags.ts), and with --hash-seed=1 --random-seed=1: so the
 * result hangs on nothing but the bundle and Node.
 */
const { readFileSync, writeFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { basename, join } = require("node:path");
const { setFlagsFromString } = require("node:v8");
const { Script } = require("node:vm");

const [bundle = "", out = ""] = process.argv.slice(2);
const source = readFileSync(bundle, "latin1");
if (/[^\0-\x7f]/.test(source)) throw new Error(`${bundle} is not ASCII`);
const script = new Script(wrap(source), {
  filename: join("/usr/lib/scsigate", basename(bundle)),
});
// What the modules do when they are loaded is compiled by doing it; it starts nothing.
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, bundle, "/usr/lib/scsigate");
// The program runs without these two, and V8 compares.
for (const seed of ["--hash-seed=0", "--random-seed=0"]) setFlagsFromString(seed);
writeFileSync(out, script.createCachedData());
