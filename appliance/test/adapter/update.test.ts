// SPDX-License-Identifier: Apache-2.0
// What the gateway gives an adapter: settings of the configuration, and its firmware. firmware/sim tries it with the real program.
import { writeFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readImage } from "../../src/adapter/image.ts";
import { REQUESTS, SETTINGS_LAYOUT } from "../../src/adapter/messages.ts";
import { validate } from "../../src/config/validate.ts";
import { adapterRig } from "../support/adapterRig.ts";
import { plugIn, SERIAL, unplug, updateFile } from "../support/fakeAdapter.ts";
import { configOf } from "../support/telemetryRig.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const test = suite("settings and firmware of an adapter");
let tree: Tree;

test.before.each(() => {
  tree = temporaryTree();
});
test.after.each(() => tree.dispose());

function document(fabric: Record<string, unknown> = {}): unknown {
  return { version: 1, segments: [{ name: "seg0", fabric: { type: "adapter", serial: SERIAL, ...fabric } }] };
}

function rig(fabric?: Record<string, unknown>, file?: Buffer) {
  let config = configOf(document(fabric));
  const path = `${tree.root}/adapter.update`;
  if (file !== undefined) writeFileSync(path, file);
  plugIn(tree);
  return {
    ...adapterRig(tree, () => config, readImage(path)),
    configure: (changed: Record<string, unknown>) => {
      config = configOf(document(changed));
    },
  };
}

function count(list: readonly number[], request: number): number {
  return list.filter((one) => one === request).length;
}

test("settings that the configuration names are written once, with a restart; all others stay", async () => {
  const { clock, watch, firmware, state, configure } = rig({ scsiId: 5, heldGets: true });
  firmware.settings.write("falcon", SETTINGS_LAYOUT.name.at, "latin1");
  firmware.settings[SETTINGS_LAYOUT.flags.at] = 1;
  await clock.pass(10);
  assert.is(state(), "starting");
  assert.is(firmware.restarts, 1);
  // It is away for a moment; that is no trouble.
  unplug(tree);
  await clock.pass(2000);
  assert.is(state(), "starting");
  plugIn(tree);
  await clock.pass(8000);
  assert.is(state(), "working");
  assert.equal([watch.status("seg0")?.scsiId, firmware.restarts], [5, 1]);
  assert.is(count(firmware.carriedOut, REQUESTS.SETTINGS_SET), 1);
  const { settings } = firmware;
  assert.is(settings[SETTINGS_LAYOUT.flags.at], 0b101);
  assert.match(settings.toString("latin1"), "falcon");

  configure({ scsiId: 5, heldGets: false, board: "desktop50", daynaport: { enabled: true, scsiId: 3 } });
  await clock.pass(6000);
  assert.is(firmware.restarts, 2);
  assert.equal(
    [settings[SETTINGS_LAYOUT.flags.at], settings[SETTINGS_LAYOUT.board.at], settings[SETTINGS_LAYOUT.daynaId.at]],
    [0b001, 2, 3],
  );
  configure({});
  await clock.pass(6000);
  assert.is(firmware.restarts, 2);
  watch.stop();
});

test("an adapter that does not keep them is not restarted again and again", async () => {
  const { clock, watch, firmware, state, problem } = rig({ scsiId: 6 });
  firmware.forgets = true;
  await clock.pass(30_000);
  assert.is(firmware.restarts, 1);
  assert.is(state(), "wrong");
  assert.is(problem()?.code, "adapter-refused");
  watch.stop();
});

test("one ID for adapter and DaynaPORT is refused where the configuration says both", () => {
  const result = validate(document({ scsiId: 3, daynaport: { enabled: true, scsiId: 3 } }));
  assert.not(result.valid);
  assert.match(JSON.stringify(result), "/segments/0/fabric/daynaport/scsiId");
  assert.ok(validate(document({ scsiId: 3, daynaport: { enabled: false, scsiId: 3 } })).valid);
});

test("an update: offered, written, tried, confirmed", async () => {
  const { clock, watch, firmware, state } = rig({}, updateFile("0.2.0"));
  firmware.capabilities = 7;
  await clock.pass(2010);
  assert.equal([watch.status("seg0")?.offered, watch.status("seg0")?.update], ["0.2.0", null]);
  assert.equal(watch.update("seg0"), { state: "writing", percent: 0, problem: null });
  assert.throws(() => watch.update("seg0"), /under way/);
  await clock.pass(2000);
  assert.equal([watch.status("seg0")?.update?.state, watch.status("seg0")?.update?.percent], ["restarting", 100]);
  assert.is(state(), "starting");
  await clock.pass(4000);
  assert.is(firmware.update?.trial, false);
  const { update, offered, firmware: running } = watch.status("seg0") ?? {};
  assert.equal([update?.state, offered, running, state()], ["done", null, "0.2.0", "working"]);
  watch.stop();
});

test("who sees that an update is done sees what runs: all else is asked before it is confirmed", async () => {
  const { clock, watch, firmware } = rig({}, updateFile("0.2.0"));
  firmware.capabilities = 7;
  const running: unknown[] = [];
  const answer = firmware.answer.bind(firmware);
  firmware.answer = (frame) => {
    if (frame.readUInt8(0) === REQUESTS.UPDATE_CONFIRM) running.push(watch.status("seg0")?.firmware);
    return answer(frame);
  };
  await clock.pass(2010);
  watch.update("seg0");
  await clock.pass(6000);
  assert.is(watch.status("seg0")?.update?.state, "done");
  assert.equal(running, ["0.2.0"]);
  watch.stop();
});

test("a confirmation whose answers are lost has been given nevertheless", async () => {
  const { clock, watch, firmware } = rig({}, updateFile("0.2.0"));
  firmware.capabilities = 7;
  firmware.losesConfirmation = true;
  await clock.pass(2010);
  watch.update("seg0");
  await clock.pass(12_000);
  assert.is(watch.status("seg0")?.update?.state, "done");
  assert.is(firmware.update?.trial, false);
  watch.stop();
});

test("new firmware that does not run: the one before is back, and it is said", async () => {
  const { clock, watch, firmware } = rig({}, updateFile("0.2.0"));
  Object.assign(firmware, { capabilities: 7, dies: true });
  await clock.pass(2010);
  watch.update("seg0");
  await clock.pass(6000);
  const { update, offered, firmware: running, state } = watch.status("seg0") ?? {};
  assert.equal([update?.state, update?.problem?.code], ["failed", "adapter-update-failed"]);
  assert.equal([offered, running, state], ["0.2.0", "0.1.0", "working"]);
  // Once more is possible.
  firmware.dies = false;
  watch.update("seg0");
  await clock.pass(6000);
  assert.is(watch.status("seg0")?.update?.state, "done");
  watch.stop();
});

test("an adapter that is pulled out, or does not come back, ends the update with a word", async () => {
  const { clock, watch, firmware } = rig({}, updateFile("0.2.0"));
  firmware.capabilities = 7;
  await clock.pass(2010);
  watch.update("seg0");
  await clock.pass(2000);
  unplug(tree);
  await clock.pass(80_000);
  assert.is(watch.status("seg0")?.update?.state, "restarting");
  await clock.pass(20_000);
  assert.is(watch.status("seg0")?.update?.state, "failed");
  assert.is(watch.status("seg0")?.state, "absent");

  plugIn(tree);
  await clock.pass(4000);
  firmware.mute = true;
  watch.update("seg0");
  await clock.pass(10_000);
  assert.equal(
    [watch.status("seg0")?.update?.state, watch.status("seg0")?.update?.problem?.code],
    ["failed", "adapter-silent"],
  );
  watch.stop();
});

test("no update: none came with the gateway, the adapter is not there, or cannot take one", async () => {
  const without = rig();
  await without.clock.pass(2010);
  assert.throws(() => without.watch.update("seg0"), /no firmware came/);
  assert.is(without.watch.update("seg9"), undefined);
  without.watch.stop();
  unplug(tree);
  const old = rig({}, updateFile("0.2.0"));
  unplug(tree);
  await old.clock.pass(2010);
  assert.throws(() => old.watch.update("seg0"), /does not answer/);
  plugIn(tree);
  await old.clock.pass(2000);
  assert.throws(() => old.watch.update("seg0"), /cannot be updated over USB/);
  old.watch.stop();
});

test("an update file that is cut short is none", () => {
  const path = `${tree.root}/cut`;
  writeFileSync(path, updateFile("0.2.0").subarray(0, -1));
  assert.is(readImage(path), undefined);
  writeFileSync(path, Buffer.alloc(10));
  assert.is(readImage(path), undefined);
});

test.run();
