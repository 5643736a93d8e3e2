// SPDX-License-Identifier: Apache-2.0
/** An executor's surroundings on a temporary tree, with fakes that write down what they were asked. */
import { join } from "node:path";
import type { ExecutorContext, ExecutorPaths } from "../../src/executor/context.ts";
import type { Processes } from "../../src/executor/processes.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { startStream } from "../../src/shared/stream.ts";
import { FakeConfigFs } from "./fakeConfigFs.ts";
import { type Tree, temporaryTree } from "./tree.ts";

export interface TestExecutor {
  tree: Tree;
  context: ExecutorContext;
  targetFs: FakeConfigFs;
  /** Every command line that was run. */
  commands: string[];
  /** What commands print, by the start of their command line. */
  outputs: Map<string, string>;
  /** Running programs: pid file -> argument that it was found by. */
  running: Map<string, string>;
  started: string[];
}

/** For what only renders. */
export const PATHS: ExecutorPaths = {
  sys: "/sys",
  dev: "/dev",
  proc: "/proc",
  run: "/run",
  data: "/data",
  zones: "/zones",
  home: "/root",
  boot: "/boot",
  image: "/image.json",
};

export function testExecutor(): TestExecutor {
  const tree = temporaryTree();
  const commands: string[] = [];
  const outputs = new Map<string, string>();
  const running = new Map<string, string>();
  const started: string[] = [];
  const targetFs = new FakeConfigFs();
  const processes: Processes = {
    async find(pidFile, argument) {
      const one = running.get(pidFile.slice(tree.root.length + 1));
      const isIt = typeof argument === "string" ? one === argument : one !== undefined && argument.test(one);
      return isIt ? 4711 : undefined;
    },
    async findAll(_program, argument) {
      return running.has(argument.slice(tree.root.length + 1)) ? [4711] : [];
    },
    async startDetached(file, args, environment) {
      started.push(
        [file, ...args, ...Object.entries(environment ?? {}).map(([key, value]) => `${key}=${value}`)].join(" "),
      );
      return 4712;
    },
    async stop(pid) {
      commands.push(`stop ${pid}`);
    },
  };
  tree.write({
    "proc/mounts": "proc /proc proc rw 0 0",
    "proc/sys/kernel/hostname": "old",
    "proc/sys/net/ipv4/ip_forward": 0,
    "proc/sys/net/ipv6/conf/all/forwarding": 0,
    "proc/sys/net/ipv4/conf/seg0/send_redirects": 1,
  });
  const context: ExecutorContext = {
    paths: {
      sys: join(tree.root, "sys"),
      dev: join(tree.root, "dev"),
      proc: join(tree.root, "proc"),
      run: join(tree.root, "run"),
      data: join(tree.root, "data"),
      zones: join(tree.root, "zones"),
      home: join(tree.root, "root"),
      boot: join(tree.root, "boot"),
      image: join(tree.root, "image.json"),
    },
    async run(file, args) {
      const line = [file, ...args].join(" ").replaceAll(tree.root, "");
      commands.push(line);
      for (const [start, output] of outputs) if (line.startsWith(start)) return output;
      return "";
    },
    stream: startStream,
    clock: systemClock,
    processes,
    driverDisk: join(tree.root, "driver.img"),
    targetFs,
    log: silentLogger(),
  };
  return { tree, context, targetFs, commands, outputs, running, started };
}
