// SPDX-License-Identifier: Apache-2.0
/** The ways to make a hash that docs/prepare.md names, as they stand there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readPrepared } from "../../../src/config/prepared.ts";
import { verifyPassword } from "../../../src/service/access/password.ts";

const PASSWORD = "correct horse battery";
const text = readFileSync(join(import.meta.dirname, "../../../../docs/prepare.md"), "utf8");

/** The indented block that has these words. */
function block(words: string): string {
  const found = text
    .split(/\n\n/)
    .map((part) => part.replaceAll(/^ {4}/gm, ""))
    .find((part) => part.includes(words));
  assert.ok(found, words);
  return found as string;
}

for (const [name, script] of [
  // It asks on the terminal, which a test has not.
  ["Python", block("hashlib.scrypt").replace("getpass.getpass()", "input()")],
  ["OpenSSL", block("openssl kdf")],
] as const) {
  test(`${name}: the hash is taken, and the password fits`, async () => {
    const { stdout, stderr, status } = spawnSync("bash", ["-c", script], { input: `${PASSWORD}\n`, encoding: "utf8" });
    assert.is(status, 0, stderr);
    const passwordHash = stdout.trim();
    const value = { version: 1, users: [{ name: "me", passwordHash }] };
    assert.ok(readPrepared(Buffer.from(JSON.stringify(value))).valid, passwordHash);
    assert.ok(await verifyPassword(PASSWORD, passwordHash));
    assert.not(await verifyPassword(`${PASSWORD}!`, passwordHash));
  });
}

test("the example in it is taken, but for its key, which is none", () => {
  const example = /```json\n(.*?)```/s.exec(text)?.[1] ?? "";
  const result = readPrepared(Buffer.from(example));
  assert.ok(!result.valid);
  assert.equal(!result.valid && result.errors.map(({ path }) => path), ["/sshKeys/0"]);
  const value = JSON.parse(example);
  value.sshKeys = [];
  assert.ok(readPrepared(Buffer.from(JSON.stringify(value))).valid);
});

test.run();
