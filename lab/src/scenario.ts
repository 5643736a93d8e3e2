// SPDX-License-Identifier: Apache-2.0
// What scenarios are written with: a bench for some tests, checked kernels after each of them, logs kept of what fails.
import { relative } from "node:path";
import { suite } from "uvu";
import { isDebugKernel } from "./build/kernel.ts";
import { LabError, messageOf } from "./errors.ts";
import { repoDir } from "./paths.ts";
import type { Topology } from "./topologies/types.ts";
import { Bench, type BenchOptions } from "./vm/bench.ts";
import { processorSeconds } from "./vm/cleanup.ts";
import { checkLeaks } from "./vm/kmemleak.ts";
import type { Vm } from "./vm/vm.ts";

export interface WithOptions extends BenchOptions {
  readonly topology: Topology;
  /** Name of the folder in build/logs for the logs of a failure; the topology's name by default. */
  readonly name?: string;
}

async function failed(bench: Bench, name: string, error: unknown): Promise<never> {
  const logs = relative(repoDir, await bench.saveLogs(name));
  const wrapped = error instanceof Error ? error : new Error(messageOf(error));
  wrapped.message = `${wrapped.message}\nLogs: ${logs}/`;
  throw wrapped;
}

/** Boots a topology, runs `body`, stops it. Fails also when a kernel complained. */
export async function withBench<T>(options: WithOptions, body: (bench: Bench) => Promise<T>): Promise<T> {
  const bench = await Bench.create(options.topology, options);
  try {
    await bench.boot();
    const value = await body(bench);
    bench.checkKernels();
    return value;
  } catch (error) {
    return await failed(bench, options.name ?? options.topology.name, error);
  } finally {
    await bench.stop();
  }
}

/** The same for a topology of one VM. */
export function withVm<T>(options: WithOptions, body: (vm: Vm) => Promise<T>): Promise<T> {
  return withBench(options, (bench) => {
    const vm = bench.vms[0];
    if (vm === undefined) throw new LabError("usage", "The topology has no VM.", "Give it one.");
    return body(vm);
  });
}

export interface Scenario {
  /** A test on the shared bench. After it, every kernel is checked for complaints. */
  test(name: string, body: (bench: Bench) => Promise<void>): void;
  /** A test that cannot run here; the reason becomes part of its name. */
  skip(name: string, reason: string): void;
  /** Hands the suite to the test runner; last line of a test file. */
  run(): void;
}

async function leaks(bench: Bench): Promise<void> {
  for (const vm of bench.vms) {
    const others = await checkLeaks(vm);
    if (others.length > 0) console.log(`  not ours, but lost in ${vm.name}:\n${others.join("\n")}`);
  }
}

export interface ScenarioOptions {
  /** Runs before the VMs are started: what they need on this host. */
  readonly before?: (bench: Bench) => Promise<void>;
  /** Runs after each boot, when all VMs are ready. */
  readonly prepare?: (bench: Bench) => Promise<void>;
  /** Runs when all tests are over, whatever came of them; VMs still run. */
  readonly finish?: () => Promise<void>;
  /** Each test makes what it needs and takes it away: after one that failed, the next gets a new boot. */
  readonly independent?: boolean;
}

/** Tests that share one boot of a topology. */
export function scenario(
  name: string,
  topology: Topology,
  { before, prepare, finish, independent = false }: ScenarioOptions = {},
): Scenario {
  const tests = suite(name);
  let booted: Promise<Bench> | undefined;
  let bench: Bench | undefined;
  let bootFailed = false;
  const seen = new Map<string, number>();
  const started = Date.now();
  const say = (line: string): void => console.log(`  [${((Date.now() - started) / 1000).toFixed(0)} s] ${line}`);

  // Not in a before hook: uvu counts a suite whose before hook threw as one without failures.
  const boot = async (): Promise<Bench> => {
    const created = await Bench.create(topology, { say });
    bench = created;
    try {
      await before?.(created);
      await created.boot();
      await prepare?.(created);
      say(`all is ready; ${processorSeconds().toFixed(0)} s of processor time`);
      return created;
    } catch (error) {
      return await failed(created, name, error).finally(() => created.stop());
    }
  };

  tests.after(async () => {
    try {
      await finish?.();
    } finally {
      await bench?.stop();
    }
  });

  /** Complaints that were not there at the last look. */
  const checkKernels = (on: Bench): void => {
    for (const vm of on.vms) {
      const complaints = vm.complaints();
      const before = seen.get(vm.name) ?? 0;
      seen.set(vm.name, complaints.length);
      if (complaints.length > before) vm.checkKernel();
    }
  };

  const add: Scenario = {
    test(testName, body) {
      tests(testName, async () => {
        if (bootFailed)
          throw new LabError("vm-not-ready", "The bench did not boot.", "The first failure of this file says why.");
        booted ??= boot();
        bootFailed = true;
        const on = await booted;
        bootFailed = false;
        const [from, processor] = [Date.now(), processorSeconds()];
        try {
          await body(on);
          checkKernels(on);
          const [took, used] = [(Date.now() - from) / 1000, processorSeconds() - processor];
          say(`ok: ${testName} (${took.toFixed(1)} s, ${used.toFixed(0)} s of processor time)`);
        } catch (error) {
          say(`FAILED: ${testName}: ${messageOf(error).split("\n", 1)[0]}`);
          await failed(on, `${name}/${testName.replaceAll(/[^A-Za-z0-9]+/g, "-")}`, error).finally(async () => {
            if (!independent) return;
            await on.stop();
            booted = undefined;
            seen.clear();
          });
        }
      });
    },
    skip(testName, reason) {
      console.log(`  skipped: ${testName}: ${reason}`);
      tests.skip(`${testName}: ${reason}`, () => undefined);
    },
    run() {
      if (isDebugKernel) add.test("no memory of ours is lost, says kmemleak", leaks);
      tests.run();
    },
  };
  return add;
}
