// SPDX-License-Identifier: Apache-2.0
// scsigate-boot: what the boot loader does next, in GRUB's own format.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { overlayDir } from "../../src/paths.ts";

const PROGRAM = join(overlayDir, "usr/sbin/scsigate-boot");
const NEW_DISK = ["ORDER=A B", "A_OK=1", "A_GOOD=0", "A_TRY=", "B_OK=0", "B_GOOD=0", "B_TRY="];

interface Context {
  dir: string;
  state: string;
  boot(...args: string[]): { code: number | null; out: string; err: string };
}

const test = suite<Context>("scsigate-boot");
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  mkdirSync(join(context.dir, "grub"));
  context.state = join(context.dir, "grub/grubenv");
  execFileSync("grub-editenv", [context.state, "create"]);
  execFileSync("grub-editenv", [context.state, "set", ...NEW_DISK]);
  context.boot = (...args) => {
    const places = { SCSIGATE_BOOT: context.dir, SCSIGATE_BOOT_NEW: join(context.dir, "new") };
    const env = { ...process.env, ...places, SCSIGATE_BOOT_TOLD: join(context.dir, "nobody-told") };
    const { status, stdout, stderr } = spawnSync("busybox", ["sh", PROGRAM, ...args], { env, encoding: "utf8" });
    return { code: status, out: stdout.trim(), err: stderr.trim() };
  };
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

/** As GRUB's own tool reads it. */
function grub(state: string): string[] {
  return execFileSync("grub-editenv", [state, "list"], { encoding: "utf8" }).trim().split("\n").sort();
}

test("an update, as RAUC asks for it: the slot is bad while it is written, then the first choice and on trial", ({
  boot,
  state,
}) => {
  boot("set-state", "A", "good");
  assert.is(boot("get-primary").out, "A");
  boot("set-state", "B", "bad");
  assert.is(boot("get-state", "B").out, "bad");
  boot("set-primary", "B");
  assert.is(boot("get-primary").out, "B");
  assert.equal(grub(state), ["A_GOOD=1", "A_OK=1", "A_TRY=", "B_GOOD=0", "B_OK=1", "B_TRY=", "ORDER=B A"]);
  boot("set-state", "B", "good");
  assert.equal(grub(state), ["A_GOOD=1", "A_OK=1", "A_TRY=", "B_GOOD=1", "B_OK=1", "B_TRY=", "ORDER=B A"]);
});

test("confirming ends the count of starts; a slot that is given up is not the first choice any more", ({
  boot,
  state,
}) => {
  execFileSync("grub-editenv", [state, "set", "A_TRY=xx"]);
  boot("set-state", "A", "good");
  assert.ok(boot("show").out.split("\n").includes("A_TRY="));
  boot("set-primary", "B");
  boot("set-state", "B", "bad");
  assert.is(boot("get-primary").out, "A");
});

test("the file is overwritten in place, whole blocks at a time, and only when something changes", ({ boot, state }) => {
  boot("set-state", "A", "good");
  const before = statSync(state);
  assert.is(before.size, 1024);
  boot("set-state", "A", "good");
  assert.is(statSync(state).mtimeMs, before.mtimeMs);
  boot("set-primary", "B");
  assert.equal([statSync(state).ino, statSync(state).size], [before.ino, 1024]);
});

test("a lost or damaged state is that of a new disk", ({ boot, state }) => {
  for (const damaged of ["", "\0".repeat(1024), "# GRUB Environment Block\nA_OK=$(reboot)\nORDER=`id`\n"]) {
    writeFileSync(state, damaged);
    assert.equal(boot("show").out.split("\n"), NEW_DISK);
  }
  assert.is(boot("set-state", "A", "good").code, 0);
  assert.ok(grub(state).includes("A_GOOD=1"));
  rmSync(state);
  assert.is(boot("get-primary").out, "A");
});

test("a new disk's state is the one that the build writes", ({ boot, state }) => {
  rmSync(state);
  assert.is(boot("reset").code, 0);
  assert.equal(grub(state), [...NEW_DISK].sort());
});

test("GRUB counts by itself: a start changes nothing", ({ boot, state }) => {
  const before = readFileSync(state);
  assert.equal([boot("start").code, readFileSync(state)], [0, before]);
});

test("what it cannot do is said", ({ boot, state }) => {
  const before = readFileSync(state);
  assert.match(boot("set-primary", "C").err, 'there is no slot "C"; there are A and B');
  assert.match(boot("set-state", "A", "fine").err, 'good or bad, not "fine"');
  assert.match(boot("frobnicate").err, "usage:");
  assert.match(boot("started").err, "does not tell which partition");
  boot("set-state", "A", "bad");
  const none = boot("get-primary");
  assert.equal([none.code, none.err], [1, "scsigate-boot: no slot may be started"]);
  assert.not.equal(readFileSync(state), before);
});

test.run();
