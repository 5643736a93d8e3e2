// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setRenewal } from "../../src/executor/operations/renewal.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";

const renewal = suite<{ test: TestExecutor }>("renewal");
renewal.before.each((context) => {
  const test = testExecutor();
  test.context.clock = {
    ...systemClock,
    after: (milliseconds, callback) => {
      test.commands.push(`${milliseconds} ms`);
      return systemClock.after(0, callback);
    },
  };
  context.test = test;
});
renewal.after.each(({ test }) => test.tree.dispose());

const AWAY = ["ip link set dev seg0 carrier off", "1000 ms"];
const BACK = "ip link set dev seg0 carrier on";
const set = ({ context }: TestExecutor, from: string) =>
  setRenewal({ kind: "renewal", segment: "seg0", from }, context);

renewal("a new segment, and one of which nothing changes, keep their carrier", async ({ test }) => {
  assert.is(await set(test, "10.143.0.1/24"), true);
  assert.is(await set(test, "10.143.0.1/24"), false);
  assert.equal(test.commands, []);
});

renewal(
  "where addresses come from changes: the carrier goes and comes back, and again when it is undone",
  async ({ test }) => {
    await set(test, "10.143.0.1/24");
    assert.is(await set(test, "the LAN"), true);
    assert.equal(test.commands, [...AWAY, BACK]);
    assert.is(await set(test, "the LAN"), false);
    assert.is(await set(test, "10.143.0.1/24"), true);
    assert.equal(test.commands, [...AWAY, BACK, ...AWAY, BACK]);
  },
);

renewal("a carrier that was left away comes back, also when the change is undone meanwhile", async ({ test }) => {
  await set(test, "10.143.0.1/24");
  const { run } = test.context;
  test.context.run = async (file, args, options) => {
    if (args.at(-1) === "on") throw new Error("killed");
    return run(file, args, options);
  };
  assert.is(await set(test, "10.144.0.1/24").catch((error: Error) => error.message), "killed");
  assert.equal(test.commands, AWAY);
  test.context.run = run;
  assert.is(await set(test, "10.143.0.1/24"), true);
  assert.equal(test.commands, [...AWAY, ...AWAY, BACK]);
});

renewal.run();
