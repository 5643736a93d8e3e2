// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Problem, Status } from "../../../src/api/status.ts";
import type { Config } from "../../../src/config/types.ts";
import { type GatewayState, initialState } from "../../../src/service/gatewayState.ts";
import type { Monitor } from "../../../src/service/monitor.ts";
import { Panel } from "../../../src/service/panel/panel.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { configOf } from "../../support/telemetryRig.ts";

const CHIP = "pinctrl-rp1";
const PANEL = {
  powerLed: { chip: CHIP, offset: 1 },
  activityLed: { chip: CHIP, offset: 2 },
  faultLed: { chip: CHIP, offset: 3 },
  button: { chip: CHIP, offset: 4, activeLow: true },
  adapterReset: { chip: CHIP, offset: 5 },
};
const IDLE = { rx_packets: 0, tx_packets: 0 };

interface Rig {
  clock: ManualClock;
  state: GatewayState;
  panel: Panel;
  /** Levels by offset, and what was opened and is not closed. */
  levels: Map<number, boolean>;
  open: Set<number>;
  /** Offsets that cannot be had. */
  missing: Set<number>;
  /** Whether lines that are open have lost their chip. */
  gone: boolean;
  resets: number;
  /** How many look on by the monitor. */
  watchers(): number;
  /** What each lamp showed at each of so many looks, a letter each. */
  watch(offset: number, milliseconds: number): Promise<string>;
  /** The next sample. */
  sample(more?: Partial<Status>): Promise<void>;
  /** The button, for so long. */
  hold(milliseconds: number): Promise<void>;
  configure(panel: object): Promise<void>;
}

function config(panel: object): { config: Config; source: "file"; errors: [] } {
  return { config: configOf({ version: 1, panel }), source: "file", errors: [] };
}

function start(panel: object = PANEL): Rig {
  const clock = new ManualClock();
  const levels = new Map<number, boolean>();
  const open = new Set<number>();
  const missing = new Set<number>();
  const state = initialState({ version: "1", commit: "a" }, config(panel));
  let watchers = 0;
  let status = { health: { status: "ok", reasons: [] }, segments: [{ rates: IDLE }] } as unknown as Status;
  const monitor = {
    get status() {
      return status;
    },
    watch() {
      watchers += 1;
      return () => {
        watchers -= 1;
      };
    },
  } as unknown as Monitor;
  const environment = {
    clock,
    log: silentLogger(),
    executor: {
      giveLines: async (lines: readonly { offset: number }[]) =>
        lines.map(({ offset }) =>
          missing.has(offset)
            ? { problem: { code: "gpio-unusable", message: "there is none", nextStep: "Look." } as Problem }
            : { number: 512 + offset },
        ),
    },
    openLine: async (number: number) => {
      const offset = number - 512;
      open.add(offset);
      const there = (): void => {
        if (rig.gone) throw new Error("ENODEV: no such device");
      };
      return {
        read: () => {
          there();
          return levels.get(offset) === true;
        },
        write: (on: boolean) => {
          there();
          levels.set(offset, on);
        },
        close: () => void open.delete(offset),
      };
    },
  };
  const rig: Rig = {
    ...{ clock, state, levels, open, missing, gone: false, resets: 0 },
    panel: new Panel({
      environment,
      state,
      monitor,
      factoryReset: async () => {
        rig.resets += 1;
        await new Promise<void>((resolve) => clock.after(1000, resolve));
      },
    }),
    watchers: () => watchers,
    async watch(offset, milliseconds) {
      let seen = "";
      for (let at = 0; at < milliseconds; at += 50) {
        await clock.pass(50);
        seen += levels.get(offset) ? "#" : ".";
      }
      return seen;
    },
    async sample(more = {}) {
      status = { ...status, ...more };
      state.events.tell("status", status);
      await clock.pass(100);
    },
    async hold(milliseconds) {
      levels.set(4, true);
      await clock.pass(milliseconds);
      levels.set(4, false);
      await clock.pass(100);
    },
    async configure(next) {
      state.config = config(next);
      state.events.tell("config");
      await rig.sample();
    },
  };
  rig.panel.start();
  return rig;
}

const problems = ({ state }: Rig): Problem[] => state.checks.flatMap((check) => check() ?? []);

const panel = suite("panel");

panel("none is configured: nothing is asked for, nothing runs", async () => {
  const rig = start({});
  await rig.sample();
  assert.is(rig.open.size, 0);
  assert.equal(problems(rig), []);
});

panel(
  "LEDs: power blinks while it starts, activity flickers with packets, fault is on with health's reasons",
  async () => {
    const rig = start();
    const reason = { code: "run-full", message: "", nextStep: "" } as Problem;
    await rig.sample({ health: { status: "starting", reasons: [] } });
    assert.match(await rig.watch(1, 2000), /#{10}\.{10}/);
    await rig.sample({ health: { status: "ok", reasons: [] } });
    assert.is(await rig.watch(1, 500), "##########");
    assert.is(await rig.watch(2, 500), "..........");
    assert.is(await rig.watch(3, 500), "..........");
    const rates = { ...IDLE, rx_packets: 3 };
    await rig.sample({
      health: { status: "degraded", reasons: [reason] },
      segments: [{ rates }] as Status["segments"],
    });
    assert.match(await rig.watch(2, 500), /#\.#\.#\.#/);
    assert.is(await rig.watch(3, 500), "##########");
    await rig.panel.stop();
    assert.equal([rig.levels.get(1), rig.levels.get(3), rig.open.size], [false, false, 0]);
  },
);

panel("a short press is told for a minute, and answered by the LEDs; a bounce is nothing", async () => {
  const rig = start();
  await rig.sample();
  await rig.clock.pass(100);
  assert.is(rig.state.pressedUntil, 0);
  await rig.hold(300);
  assert.ok(rig.state.pressedUntil - rig.clock.now() > 59_000);
  assert.match(await rig.watch(3, 1000), /##\.\.##\.\.##/);
  assert.is(rig.resets, 0);
  await rig.clock.pass(3000);
  assert.is(await rig.watch(3, 500), "..........");
});

panel(
  "held: counted down by all LEDs, and let go in time nothing happens; after ten seconds, one factory reset",
  async () => {
    const rig = start();
    await rig.sample();
    await rig.hold(9500);
    assert.equal([rig.resets, rig.state.pressedUntil], [0, 0]);
    rig.levels.set(4, true);
    await rig.clock.pass(2500);
    assert.match(await rig.watch(1, 1600), /#{8}\.{8}/);
    await rig.clock.pass(4500);
    assert.match(await rig.watch(1, 800), /##\.\.##\.\./);
    assert.is(rig.resets, 0);
    await rig.clock.pass(1000);
    assert.is(rig.resets, 1);
    await rig.clock.pass(30_000);
    assert.is(rig.resets, 1, "though it is still held");
    rig.levels.set(4, false);
    await rig.clock.pass(100);
    assert.is(rig.state.pressedUntil, 0);
    await rig.hold(300);
    assert.ok(rig.state.pressedUntil > 0, "it works as before");
  },
);

panel("a button that is stuck when we start does nothing, however long", async () => {
  const rig = start();
  rig.levels.set(4, true);
  await rig.sample();
  await rig.clock.pass(60_000);
  assert.is(rig.resets, 0);
});

panel(
  "a line that is missing is told with the setting's name, and tried again; the others work meanwhile",
  async () => {
    const rig = start();
    rig.missing.add(2);
    await rig.sample();
    assert.equal(
      problems(rig).map(({ code, message }) => `${code}: ${message}`),
      ["gpio-unusable: panel.activityLed: there is none"],
    );
    assert.is(await rig.watch(1, 200), "####");
    rig.missing.clear();
    await rig.sample();
    assert.is(problems(rig).length, 1, "not at once");
    await rig.clock.pass(10_000);
    await rig.sample();
    assert.equal(problems(rig), []);
    assert.is(rig.open.size, 5);
  },
);

panel("a panel that is not wanted any more is dark, and its lines are given up", async () => {
  const rig = start();
  await rig.sample();
  await rig.clock.pass(100);
  assert.is(rig.levels.get(1), true);
  assert.is(rig.watchers(), 1, "it shows what goes on: a sample every second");
  await rig.configure({});
  assert.equal([rig.levels.get(1), rig.open.size, rig.watchers()], [false, 0, 0]);
});

panel(
  "a chip that goes, with what it is plugged into: told, every line given up, and had again when it is back",
  async () => {
    const rig = start();
    await rig.sample();
    rig.gone = true;
    await rig.clock.pass(100);
    assert.match(problems(rig)[0]?.message ?? "", "the panel's lines have gone");
    assert.is(rig.open.size, 0);
    rig.gone = false;
    await rig.clock.pass(10_000);
    await rig.sample();
    assert.equal([problems(rig).length, rig.open.size], [0, 5]);
    assert.is(await rig.watch(1, 200), "####");
  },
);

panel("the adapter's reset line is pulled for a moment; without one, that is said", async () => {
  const rig = start();
  await rig.sample();
  const done = rig.panel.resetAdapter();
  assert.is(rig.levels.get(5), true);
  await rig.clock.pass(200);
  await done;
  assert.is(rig.levels.get(5), false);
  await rig.configure({});
  await rig.panel.resetAdapter().then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, "no line resets the adapter"),
  );
});

panel.run();
