// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { BootPartition } from "../../src/executor/bootPartition.ts";
import type { BootFacts } from "../../src/protocol/messages.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const TOKEN = "aaaa-bbbb-cccc-dddd-eeee";

interface Context {
  test: TestExecutor;
  boot: BootPartition;
}

const partition = suite<Context>("boot partition");
partition.before.each((context) => {
  context.test = testExecutor();
  context.test.tree.write({ "image.json": "{}" });
  mkdirSync(join(context.test.tree.root, "boot"));
  context.boot = new BootPartition(context.test.context);
});
partition.after.each(({ test }) => test.tree.dispose());

function text({ prepared }: BootFacts): string {
  return Buffer.from(prepared ?? "", "base64").toString();
}

partition("without an image, /boot is not ours: nothing is read, nothing is written", async ({ test, boot }) => {
  test.tree.remove("image.json");
  test.tree.write({ "boot/scsigate.json": "{}" });
  assert.equal(await boot.handle(undefined), { prepared: null, problem: null, recover: false });
  await boot.handle({ kind: "token", token: TOKEN });
  await boot.handle({ kind: "taken", what: [] });
  assert.ok(test.tree.exists("boot/scsigate.json"));
  assert.not(test.tree.exists("boot/setup-token.txt"));
});

partition("an empty one, and one that is not there, are fine", async ({ test, boot }) => {
  const nothing = { prepared: null, problem: null, recover: false };
  assert.equal(await boot.handle(undefined), nothing);
  test.tree.remove("boot");
  assert.equal(await boot.handle({ kind: "token", token: TOKEN }), nothing);
});

partition("scsigate.json is given as it is, whatever is in it", async ({ test, boot }) => {
  test.tree.write({ "boot/scsigate.json": "\ufeff{ nonsense" });
  assert.is(text(await boot.handle(undefined)), "\ufeff{ nonsense\n");
});

partition("what is no file, or too long, or has another name by accident, is told", async ({ test, boot }) => {
  const path = join(test.tree.root, "boot/scsigate.json");
  const problem = async () => (await boot.handle(undefined)).problem?.message ?? "";
  mkdirSync(path);
  assert.match(await problem(), "is not a file");
  test.tree.remove("boot/scsigate.json");
  symlinkSync("/etc/shadow", path);
  assert.match(await problem(), "cannot be read");
  test.tree.remove("boot/scsigate.json");
  writeFileSync(path, "");
  truncateSync(path, 3 * 1024 * 1024);
  assert.match(await problem(), "3145728 bytes");
  test.tree.remove("boot/scsigate.json");
  test.tree.write({ "boot/scsigate.json.txt": "{}" });
  assert.match(await problem(), /^scsigate\.json\.txt .* its name is not scsigate\.json/);
});

partition("the token's file comes, stays untouched, changes and goes", async ({ test, boot }) => {
  test.tree.write({ "proc/mounts": `/dev/vda1 ${test.tree.root}/boot vfat ro 0 0` });
  await boot.handle({ kind: "token", token: TOKEN });
  assert.is(test.tree.read("boot/setup-token.txt")?.split("\r\n")[0], TOKEN);
  assert.equal(test.commands, ["mount -o remount,rw /boot", "mount -o remount,ro /boot"]);
  await boot.handle({ kind: "token", token: TOKEN });
  assert.is(test.commands.length, 2, "a card wears with every change");
  await boot.handle({ kind: "token", token: null });
  assert.not(test.tree.exists("boot/setup-token.txt"));
  assert.is(test.commands.length, 4);
  await boot.handle({ kind: "token", token: null });
  assert.is(test.commands.length, 4);
});

partition("what was taken over goes, with its errors; what and when stays", async ({ test, boot }) => {
  test.tree.write({ "boot/scsigate.json": "{}" });
  await boot.handle({ kind: "refused", errors: [{ path: "/a", message: "is wrong", nextStep: "Mend it." }] });
  assert.match(test.tree.read("boot/scsigate-errors.txt") ?? "", "/a: is wrong\r\nMend it.");
  assert.ok(test.tree.exists("boot/scsigate.json"), "its owner is to mend it");
  await boot.handle({ kind: "taken", what: ["user me"] });
  assert.not(test.tree.exists("boot/scsigate.json"));
  assert.not(test.tree.exists("boot/scsigate-errors.txt"));
  assert.match(test.tree.read("boot/scsigate-taken.txt") ?? "", /taken over at 20.*\r\n- user me/);
  await boot.handle({ kind: "taken", what: ["user me"] });
});

partition("one that takes no change is said so, and is read-only again", async ({ test, boot }) => {
  test.tree.write({ "proc/mounts": `/dev/vda1 ${test.tree.root}/boot vfat ro 0 0` });
  const { run } = test.context;
  test.context.run = async (file, args) => {
    await run(file, args);
    if (args.includes("remount,rw")) throw new Error("write-protected");
    return "";
  };
  let said = "";
  await boot.handle({ kind: "token", token: TOKEN }).catch((error: Error) => {
    said = error.message;
  });
  assert.is(said, "the boot partition does not take the change: write-protected");
  assert.equal(test.commands, ["mount -o remount,rw /boot", "mount -o remount,ro /boot"]);
  assert.ok(await boot.handle(undefined), "the next one is tried anew");
});

partition("recovery is asked for once; the file that asked for it goes", async ({ test, boot }) => {
  test.tree.write({ "boot/recover.txt": "" });
  test.tree.write({ "run/image/request": "recover" });
  await boot.handle({ kind: "recovered" });
  assert.not(test.tree.exists("boot/recover.txt"));
  test.tree.remove("image.json");
  test.tree.write({ "run/image/request": "recover" });
  assert.is((await boot.handle(undefined)).recover, true);
  assert.is((await boot.handle({ kind: "recovered" })).recover, false);
  test.tree.write({ "run/image/request": "reset" });
  assert.is((await boot.handle(undefined)).recover, false);
});

partition("of the service, only lines are taken", () => {
  const valid = (change: unknown): boolean => validateRequest({ type: "boot", id: 1, change });
  assert.ok(validateRequest({ type: "boot", id: 1 }));
  assert.ok(valid({ kind: "token", token: null }) && valid({ kind: "token", token: TOKEN }));
  assert.ok(valid({ kind: "taken", what: ["user \u00fc"] }));
  for (const bad of ["a b", "a\nb", "../x"]) assert.not(valid({ kind: "token", token: bad }), bad);
  for (const bad of ["a\nb", "a\u001b[2J", "x".repeat(1001)]) assert.not(valid({ kind: "taken", what: [bad] }));
  assert.not(valid({ kind: "other" }));
});

partition.run();
