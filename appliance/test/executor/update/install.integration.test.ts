// SPDX-License-Identifier: Apache-2.0
// The executor's way to the real RAUC: a real bus, "rauc service" and "rauc install". What is written in the end needs a
// kernel with device mapper: the lab has one.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { installBundle } from "../../../src/executor/update/install.ts";
import { runCommand } from "../../../src/shared/commands.ts";
import { ScsigateError } from "../../../src/shared/errors.ts";
import { startStream } from "../../../src/shared/stream.ts";
import { type TestExecutor, testExecutor } from "../../support/executor.ts";
import { until } from "../../support/machine.ts";
import { busConf, hasRauc, makeBundle, makeKey, systemConf } from "../../support/rauc.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

const COMPATIBLE = "scsigate-x86_64-debian";
const real = hasRauc && process.getuid?.() === 0 && spawnSync("dbus-daemon", ["--version"]).error === undefined;

interface Context {
  keys: Tree;
  test: TestExecutor;
  /** Programs that run beside us. */
  beside: number;
}

const installing = suite<Context>("installing with the real RAUC");
installing.before.each((context) => {
  context.keys = temporaryTree();
  const { root } = context.keys;
  for (const name of ["ours", "theirs"]) makeKey(root, name);
  context.test = testExecutor();
  context.beside = 0;
  const { tree, context: surroundings } = context.test;
  tree.write({ "run/image/slot": "A" });
  mkdirSync(join(tree.root, "data/update"), { recursive: true });
  const conf = systemConf(root, COMPATIBLE, ["ours"]);
  const bus = busConf(root, surroundings.paths.run);
  // The same programs with the same arguments, but for where their configuration is.
  const here = (args: readonly string[]) =>
    args
      .map((argument) => argument.replace("/etc/rauc/dbus.conf", bus))
      .flatMap((argument) => (argument === "rauc" ? ["rauc", "--conf", conf] : [argument]));
  Object.assign(surroundings, {
    run: (file: string, args: readonly string[], options?: object) =>
      file === "modprobe" ? Promise.resolve("") : runCommand(file, here(args), options),
    stream: (file: string, args: readonly string[], listener: Parameters<typeof startStream>[2]) => {
      context.beside += 1;
      return startStream(file, here(args), {
        ...listener,
        onEnd(code, words) {
          context.beside -= 1;
          listener.onEnd(code, words);
        },
      });
    },
  });
});
installing.after.each(({ keys, test }) => {
  test.tree.dispose();
  keys.dispose();
});

const check = real ? installing : installing.skip;

check("its steps and its reason come through, and nothing of it goes on running", async (context) => {
  const { keys, test } = context;
  const { root } = test.tree;
  const theirs = makeBundle(keys.root, "theirs", { compatible: COMPATIBLE, version: "1.1.0", key: "theirs" });
  copyFileSync(theirs, join(root, "data/update/bundle.raucb"));
  const steps: string[] = [];
  const problem = await installBundle(
    "1.1.0",
    ({ percent, step }) => steps.push(`${percent} ${step}`),
    test.context,
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(problem, ScsigateError);
  assert.is((problem as ScsigateError).code, "update-not-trusted", String(problem));
  assert.equal(steps.slice(0, 3), ["0 Installing", "0 Determining slot states", "20 Determining slot states done."]);
  await until("all ended", () => context.beside === 0);
  assert.not(test.tree.exists("run/scsigate/update"));
  assert.equal(readdirSync(join(root, "data/update")), []);
});

installing.run();
