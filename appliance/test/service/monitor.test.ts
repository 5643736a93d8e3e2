// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AdapterWatch } from "../../src/adapter/watch.ts";
import { Monitor } from "../../src/service/monitor.ts";
import { batched, fakeIp } from "../support/machine.ts";
import { ManualClock } from "../support/manualClock.ts";
import { type TelemetryRig, telemetryRig } from "../support/telemetryRig.ts";

interface Context {
  rig: TelemetryRig;
  clock: ManualClock;
  monitor: Monitor;
  /** Of the machine's eth0. */
  lanAddress: string;
  /** Samples since the last time that somebody asked. */
  samples(): number;
  /** Time passes, and each sample comes to its end: it waits for processes. */
  pass(seconds: number): Promise<void>;
}

const sampling = suite<Context>("sampling");
sampling.before.each(async (context) => {
  context.rig = await telemetryRig({ version: 1, mqtt: { enabled: false } });
  context.clock = new ManualClock();
  const none = { reading: () => undefined, status: () => null } as unknown as AdapterWatch;
  context.lanAddress = "10.0.2.20";
  const run = batched(async (...question) =>
    (await fakeIp(...question)).replaceAll('"10.0.2.20"', `"${context.lanAddress}"`),
  );
  const environment = { ...context.rig.environment, clock: context.clock, run };
  context.monitor = new Monitor(environment, context.rig.state, none);
  let count = 0;
  context.rig.state.events.on("status", () => {
    count += 1;
  });
  context.samples = () => {
    const since = count;
    count = 0;
    return since;
  };
  const { clock, monitor } = context;
  const sample = monitor.sample.bind(monitor);
  let last: Promise<void> | undefined;
  monitor.sample = () => {
    last = sample();
    return last;
  };
  context.pass = async (seconds) => {
    for (let second = 0; second < seconds; second++) {
      await clock.pass(1000);
      await last;
    }
  };
  await monitor.start();
});
sampling.after.each(async ({ rig, monitor }) => {
  monitor.stop();
  await rig.stop();
});

sampling("every second after the start and while somebody looks on, else every five seconds", async (context) => {
  const { monitor, samples, pass } = context;
  samples();
  await pass(60);
  assert.is(samples(), 60);
  await pass(60);
  assert.is(samples(), 12);
  const [one, other] = [monitor.watch(), monitor.watch()];
  await pass(10);
  assert.is(samples(), 10);
  one();
  one();
  await pass(10);
  assert.is(samples(), 10, "there is another one");
  other();
  await pass(10);
  assert.is(samples(), 2);
});

sampling("who asks once gets the state as it is", async (context) => {
  const { rig, monitor, samples, pass } = context;
  await pass(72);
  samples();
  rig.tree.write({ "sys/class/net/eth0/carrier": "0" });
  assert.ok(monitor.status.lan.carrier);
  assert.not.ok((await monitor.fresh()).lan.carrier);
  await Promise.all([monitor.fresh(), monitor.fresh()]);
  assert.is(samples(), 1);
});

sampling(
  "who asks gets addresses that are five seconds old at most, and at once what a change has made of them",
  async (context) => {
    const { monitor, pass } = context;
    const addresses = (): string => monitor.status.lan.addresses.join();
    await pass(82);
    assert.is(addresses(), "10.0.2.20/24");
    context.lanAddress = "10.0.2.21";
    await pass(6); // a sample at rest
    assert.is(addresses(), "10.0.2.20/24");
    await monitor.fresh();
    assert.is(addresses(), "10.0.2.21/24");
    context.lanAddress = "10.0.2.22";
    await monitor.changed();
    assert.is(addresses(), "10.0.2.22/24");
  },
);

sampling("what the driver tells is looked at soon, at rest too", async (context) => {
  const { rig, samples, pass } = context;
  await pass(70);
  samples();
  rig.uevent("net eth7");
  await pass(1);
  assert.is(samples(), 1);
});

sampling.run();
