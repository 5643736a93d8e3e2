// SPDX-License-Identifier: Apache-2.0
// Bundles as the executor takes them over, checked by the real rauc with the image's own system.conf.
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../../src/executor/executor.ts";
import type { Reply } from "../../../src/protocol/messages.ts";
import { runCommand } from "../../../src/shared/commands.ts";
import { type TestExecutor, testExecutor } from "../../support/executor.ts";
import { hasRauc, makeBundle, makeKey, systemConf } from "../../support/rauc.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

const COMPATIBLE = "scsigate-x86_64-debian";

interface Context {
  keys: Tree;
  conf: string;
  test: TestExecutor;
  executor: Executor;
  /** Where the service puts what it has received. */
  folder: string;
}

const bundles = suite<Context>("update bundles");
bundles.before((context) => {
  context.keys = temporaryTree();
  makeKey(context.keys.root, "ours");
  makeKey(context.keys.root, "theirs");
  makeKey(context.keys.root, "mail", "emailProtection");
  context.conf = systemConf(context.keys.root, COMPATIBLE, ["ours", "mail"]);
});
bundles.after(({ keys }) => keys.dispose());
bundles.before.each((context) => {
  context.test = testExecutor();
  const { tree, context: surroundings } = context.test;
  tree.write({ "run/image/slot": "A", "image.json": JSON.stringify({ version: "1.0.0", compatible: COMPATIBLE }) });
  context.folder = join(tree.root, "data/scsigate/update");
  mkdirSync(context.folder, { recursive: true });
  surroundings.run = (file, args, options) => {
    if (file !== "rauc") throw new Error(`unexpected: ${file}`);
    return runCommand(file, ["--conf", context.conf, ...args], options);
  };
  context.executor = new Executor(surroundings, () => {});
});
bundles.after.each(({ test }) => test.tree.dispose());

function take({ executor }: Context): Promise<Reply> {
  return new Promise((resolve) => executor.handle({ type: "takeBundle", id: 1, name: "bundle.raucb" }, resolve));
}

function codeOf(reply: Reply): string {
  return reply.type === "refused" ? reply.problem.code : reply.type;
}

/** A whole bundle with our key. */
function good({ keys }: Context): string {
  return makeBundle(keys.root, "good", { compatible: COMPATIBLE, version: "1.1.0", key: "ours" });
}

const real = hasRauc ? bundles : bundles.skip;

real("a bundle with our signature says what it is, and is out of the service's reach then", async (context) => {
  copyFileSync(good(context), join(context.folder, "bundle.raucb"));
  const { test } = context;
  assert.equal(await take(context), {
    type: "bundle",
    id: 1,
    bundle: { compatible: COMPATIBLE, version: "1.1.0", description: "a test", build: "20261128" },
  });
  assert.not(test.tree.exists("data/scsigate/update/bundle.raucb"));
  assert.ok(test.tree.exists("data/update/bundle.raucb"));
});

real("what is refused is said in the user's words, and gone", async (context) => {
  const { keys, folder, test } = context;
  const whole = good(context);
  const file = join(folder, "bundle.raucb");
  const theirs = makeBundle(keys.root, "theirs", { compatible: COMPATIBLE, version: "1.1.0", key: "theirs" });
  const mail = makeBundle(keys.root, "mail", { compatible: COMPATIBLE, version: "1.1.0", key: "mail" });
  const plain = makeBundle(keys.root, "plain", {
    ...{ compatible: COMPATIBLE, version: "1.1.0", key: "ours", format: "plain" },
  });
  const cases: [string, string, () => void][] = [
    ["signed by somebody else", "update-not-trusted", () => copyFileSync(theirs, file)],
    ["signed with a key of ours that is for something else", "update-not-trusted", () => copyFileSync(mail, file)],
    ["of another form", "update-no-bundle", () => copyFileSync(plain, file)],
    [
      "cut off",
      "update-damaged",
      () => {
        copyFileSync(whole, file);
        truncateSync(file, 200_000);
      },
    ],
    [
      "changed in its signature",
      "update-not-trusted",
      () => {
        const content = readFileSync(whole);
        const at = content.length - 100;
        content[at] = (content[at] ?? 0) ^ 0xff;
        writeFileSync(file, content);
      },
    ],
    ["something else", "update-no-bundle", () => writeFileSync(file, "hello".repeat(1000))],
    ["empty", "update-no-bundle", () => writeFileSync(file, "")],
    ["absent", "update-failed", () => {}],
  ];
  for (const [what, code, prepare] of cases) {
    prepare();
    const reply = await take(context);
    assert.is(codeOf(reply), code, `${what}: ${JSON.stringify(reply)}`);
    if (reply.type !== "refused") continue;
    assert.ok(reply.problem.message.length > 10 && reply.problem.nextStep.length > 10, what);
    assert.not.match(reply.problem.message, /rauc-Message|data\/update/);
    assert.not(test.tree.exists("data/update/bundle.raucb"), what);
  }
});

real("a link, in the place of the file or of its folder, is not followed", async (context) => {
  const { folder, test } = context;
  const elsewhere = join(test.tree.root, "elsewhere");
  mkdirSync(elsewhere);
  copyFileSync(good(context), join(elsewhere, "bundle.raucb"));
  symlinkSync(join(elsewhere, "bundle.raucb"), join(folder, "bundle.raucb"));
  assert.is(codeOf(await take(context)), "update-failed");
  linkSync(join(elsewhere, "bundle.raucb"), join(folder, "bundle.raucb"));
  assert.is(codeOf(await take(context)), "update-failed", "a file that has another name elsewhere");
  rmSync(folder, { recursive: true });
  symlinkSync(elsewhere, folder);
  assert.is(codeOf(await take(context)), "update-failed");
  assert.ok(test.tree.exists("elsewhere/bundle.raucb"));
});

bundles("a machine that does not run the image takes none", async (context) => {
  context.test.tree.remove("run/image");
  assert.is(codeOf(await take(context)), "update-no-image");
});

bundles.run();
