// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { shellLine } from "../../src/cli/attach.ts";

const attach = suite("a command in a VM");
const run = (...words: string[]): string => execFileSync("sh", ["-c", shellLine(words)]).toString();

attach("words keep their quoting", () => {
  assert.is(run("sh", "-c", 'echo "$1|$0"', "it's", "a b"), "a b|it's\n");
  assert.is(run("printf", "%s\n", "$HOME", "*", "", "`id`"), "$HOME\n*\n\n`id`\n");
});

attach("a single word is a line for the shell", () => {
  assert.is(run("echo a | tr a b; echo c"), "b\nc\n");
});

attach.run();
