// SPDX-License-Identifier: Apache-2.0
// Power cuts at random moments, in changes of the configuration and in updates: what was confirmed is never lost.
import { randomInt } from "node:crypto";
import * as assert from "uvu/assert";
import { buildDisk } from "../src/build/disk.ts";
import { labKernel } from "../src/build/kernel.ts";
import { api } from "../src/rigs/supervisor.ts";
import { update } from "../src/rigs/updates.ts";
import { WebServer } from "../src/rigs/webServer.ts";
import { scenario } from "../src/scenario.ts";
import { scaled, sleep } from "../src/time.ts";
import { flashed } from "../src/topologies/image.ts";
import type { Bench } from "../src/vm/bench.ts";
import type { Vm } from "../src/vm/vm.ts";

/** LAB_POWER_CUTS=2 for as many; each takes more than a minute. */
const CUTS = Number(process.env["LAB_POWER_CUTS"] ?? 20);
/** The latest moment of a cut, from the beginning of a change and of an update, milliseconds. */
const APPLY_MS = 8_000;
const UPDATE_MS = 60_000;

let web: WebServer;

const tests = scenario("power-cuts", flashed, {
  prepare: async () => {
    const kernel = await labKernel();
    const [first, second] = [await buildDisk(kernel), await buildDisk(kernel, { version: "0.2.0", quick: true })];
    web = await WebServer.start({ "/first": first.bundle, "/second": second.bundle });
  },
});

async function hostname(gateway: Vm): Promise<string> {
  return (await api<{ hostname: string }>(gateway, "GET", "status")).hostname;
}

/** Does something, and pulls the plug at a random moment of it. @returns whether it had ended by then */
async function cut(gateway: Vm, withinMs: number, work: () => Promise<void>): Promise<boolean> {
  let done = false;
  const working = work().then(
    () => {
      done = true;
    },
    () => undefined, // the VM has gone
  );
  await sleep(randomInt(scaled(withinMs)));
  const ended = done;
  await gateway.kill();
  await working;
  return ended;
}

async function change(gateway: Vm, name: string): Promise<void> {
  await gateway.ok(`scsigate config set hostname ${name}`);
  await api(gateway, "POST", "config/draft/apply", { confirmSeconds: 60 });
  await api(gateway, "POST", "config/confirm", {});
}

async function install(gateway: Vm, path: string): Promise<void> {
  await api(gateway, "DELETE", "update").catch(() => undefined);
  await api(gateway, "POST", "update/download", { url: web.address(path) });
  while ((await update(gateway)).state !== "ready") await sleep(500);
  await api(gateway, "POST", "update/install", { allowDowngrade: true, restart: true });
  while (gateway.running) {
    await update(gateway);
    await sleep(500);
  }
}

async function survives(bench: Bench, round: number): Promise<void> {
  const gateway = bench.vm("gateway");
  const before = await hostname(gateway);
  const token = await gateway.ok("scsigate setup-token");
  const versions = [(await update(gateway)).image.running.version];
  if (round % 2 === 0) {
    const name = `cut-${round}`;
    const ended = await cut(gateway, APPLY_MS, () => change(gateway, name));
    await gateway.boot();
    const now = await hostname(gateway);
    assert.ok(
      now === name || (now === before && !ended),
      `${before} -> ${name} (${ended ? "confirmed" : "cut"}): ${now}`,
    );
  } else {
    const next = versions[0] === "0.2.0" ? "/first" : "/second";
    await cut(gateway, UPDATE_MS, () => install(gateway, next));
    await gateway.boot();
    assert.is(await hostname(gateway), before);
  }
  assert.is(await gateway.ok("scsigate setup-token"), token);
  const { image } = await update(gateway);
  assert.ok(image.running.version !== null);
  assert.is((await gateway.run("scsigate-boot get-primary")).code, 0);
}

for (let round = 0; round < CUTS; round++) {
  const what = round % 2 === 0 ? "a change" : "an update";
  tests.test(`cut ${round + 1}, in ${what}`, (bench) => survives(bench, round));
}

tests.test("no cut has damaged the file system of the data", async (bench) => {
  await web.stop();
  const gateway = bench.vm("gateway");
  assert.not.match(await gateway.ok("cat /run/data-check.log"), /UNEXPECTED INCONSISTENCY/);
  assert.is(await gateway.ok("ls /data/lost+found"), "");
});

tests.run();
