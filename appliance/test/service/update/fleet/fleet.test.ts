// SPDX-License-Identifier: Apache-2.0
// When the fleet's server is asked, and when not: the program is only noted down.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { initialState } from "../../../../src/service/gatewayState.ts";
import { Fleet, type FleetParts } from "../../../../src/service/update/fleet/fleet.ts";
import { toProblem } from "../../../../src/shared/errors.ts";
import type { LineListener } from "../../../../src/shared/lines.ts";
import { silentLogger } from "../../../../src/shared/log.ts";
import { freshImage, type ImageState, refusal } from "../../../support/fakeImage.ts";
import { ManualClock } from "../../../support/manualClock.ts";
import { configOf } from "../../../support/telemetryRig.ts";
import { type Tree, temporaryTree } from "../../../support/tree.ts";

const SETTINGS = { enabled: true, server: "https://hawkbit.example.org", targetToken: "t" };

class Rig {
  readonly clock = new ManualClock();
  readonly state;
  readonly fleet: Fleet;
  image: ImageState | null = freshImage();
  /** Of each start of the program. */
  readonly started: LineListener[] = [];

  constructor(tree: Tree, settings: Record<string, unknown>) {
    const path = (name: string) => join(tree.root, name);
    for (const name of ["run", "data"]) mkdirSync(path(name), { recursive: true });
    const config = configOf({ version: 1, update: { fleet: settings } });
    this.state = initialState({ version: "1.0.0", commit: "a" }, { config, source: "file", errors: [] });
    this.state.identity = { id: "020000000001", seed: "0".repeat(64) };
    const environment = {
      paths: { run: path("run"), data: path("data") },
      clock: this.clock,
      lines: (_file: string, _args: readonly string[], listener: LineListener) => {
        this.started.push(listener);
        return () => {};
      },
    };
    const image = () => this.image;
    const updates = {
      get image() {
        return image();
      },
      view: { problem: toProblem(refusal("update-no-image", "this machine does not run the image", "Do.")) },
    } as unknown as FleetParts["updates"];
    const log = silentLogger();
    this.fleet = new Fleet({ environment, state: this.state, updates, log });
  }

  get problem(): string | undefined {
    return this.state.checks.map((check) => check()).map((found) => (found as { code?: string } | undefined)?.code)[0];
  }

  /** What it runs with has changed, and what comes of it. */
  async look(): Promise<void> {
    this.state.events.tell("config");
    await this.fleet.changed;
  }
}

const fleet = suite<{ tree: Tree }>("when the fleet's server is asked");
fleet.before.each((context) => {
  context.tree = temporaryTree();
});
fleet.after.each(({ tree }) => tree.dispose());

fleet("not until it is switched on", async ({ tree }) => {
  const rig = new Rig(tree, { ...SETTINGS, enabled: false });
  rig.fleet.start();
  await rig.look();
  assert.is(rig.started.length, 0);
  assert.is(rig.problem, undefined);
  await rig.fleet.stop();
});

fleet("under the gateway's id, and again when a setting changes", async ({ tree }) => {
  const rig = new Rig(tree, SETTINGS);
  rig.fleet.start();
  await rig.look();
  assert.is(rig.started.length, 1);
  const written = () => readFileSync(join(tree.root, "run/fleet.conf"), "utf8");
  assert.match(written(), "target_name = 020000000001\n");
  await rig.look();
  assert.is(rig.started.length, 1, "nothing has changed");
  rig.state.config.config.update.fleet.controllerId = "gateway-1";
  await rig.look();
  assert.is(rig.started.length, 2);
  assert.match(written(), "target_name = gateway-1\n");
  await rig.fleet.stop();
});

fleet("not while the image is on trial: the one to go back to is in the other slot", async ({ tree }) => {
  const rig = new Rig(tree, SETTINGS);
  const trial = freshImage();
  trial.slots.B = { ...trial.slots.A };
  trial.slots.A = { ...trial.slots.A, confirmed: false };
  rig.image = trial;
  rig.fleet.start();
  await rig.look();
  assert.is(rig.started.length, 0);
  rig.image = freshImage();
  await rig.look();
  assert.is(rig.started.length, 1);
  await rig.fleet.stop();
});

fleet("never on a machine without the image, which is told", async ({ tree }) => {
  const rig = new Rig(tree, SETTINGS);
  rig.image = null;
  rig.fleet.start();
  await rig.look();
  assert.is(rig.started.length, 0);
  assert.is(rig.problem, "update-no-image");
  await rig.fleet.stop();
});

fleet("one failure is none, two are told until it answers", async ({ tree }) => {
  const rig = new Rig(tree, SETTINGS);
  rig.fleet.start();
  await rig.look();
  const [program] = rig.started;
  const failed = "WARNING: Scheduled check for new software failed: Couldn't connect to server (7)";
  program?.onLine(failed);
  assert.is(rig.problem, undefined);
  program?.onLine(failed);
  assert.is(rig.problem, "fleet-unreachable");
  program?.onLine("MESSAGE: No new software.");
  assert.is(rig.problem, undefined);
  await rig.fleet.stop();
});

fleet("a program that ends is told, and started again later each time", async ({ tree }) => {
  const rig = new Rig(tree, SETTINGS);
  rig.fleet.start();
  await rig.look();
  rig.started.at(-1)?.onEnd(new Error("rauc-hawkbit-updater ended: 4"));
  assert.is(rig.problem, "fleet-stopped");
  await rig.clock.pass(1000);
  assert.is(rig.started.length, 2);
  rig.started.at(-1)?.onEnd(new Error("rauc-hawkbit-updater ended: 4"));
  await rig.clock.pass(1000);
  assert.is(rig.started.length, 2);
  await rig.clock.pass(1000);
  assert.is(rig.started.length, 3);
  await rig.fleet.stop();
});

fleet.run();
