// SPDX-License-Identifier: Apache-2.0
/**
 * The executor: root, no socket. Prepares the ground for the service, forks it, carries out its plans.
 * When it ends, init starts it again; the service ends with it, and everything that forwards packets goes on.
 */
import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { runCommand } from "../shared/commands.ts";
import { createLogger } from "../shared/log.ts";
import { startStream } from "../shared/stream.ts";
import { ClockKeeper } from "./clockKeeper.ts";
import { openConfigFs } from "./configFs.ts";
import { Executor } from "./executor.ts";
import { KernelLog, openRecords } from "./kernelLog.ts";
import { prepare } from "./prepare.ts";
import { systemProcesses } from "./processes.ts";
import { ServiceProcess } from "./serviceProcess.ts";

const SERVICE_USER = { uid: 990, gid: 990 };
const paths = { sys: "/sys", proc: "/proc", run: "/run", data: "/data", zones: "/usr/share/zoneinfo" };
let tellLog = (_line: string): void => {};
const log = createLogger("executor", [{ write: (line) => tellLog(line) }]);

process.umask(0o022);
prepare(paths, SERVICE_USER, log);

const executor = new Executor(
  {
    paths,
    run: runCommand,
    stream: startStream,
    clock: systemClock,
    processes: systemProcesses(paths.proc),
    targetFs: openConfigFs("/sys/kernel/config/target"),
    log,
  },
  () => service.markReady(),
);
const service = new ServiceProcess({
  module: join(__dirname, "service.js"),
  user: SERVICE_USER,
  environment: { PATH: "/sbin:/usr/sbin:/bin:/usr/bin", NODE_ENV: "production", HOME: "/var/empty" },
  // The service holds a broker connection, TLS and the last state of 16 segments; more is a leak.
  execArgv: ["--max-old-space-size=80", "--max-semi-space-size=1"],
  clock: systemClock,
  log,
  onMessage: (message, reply) => executor.handle(message, reply),
});

tellLog = (line) => service.tellLog(line);

const clockKeeper = new ClockKeeper({
  file: join(paths.data, "clock"),
  program: __filename,
  clock: systemClock,
  run: runCommand,
  log,
});
const kernelLog = new KernelLog({
  open: () => openRecords("/dev/kmsg"),
  proc: paths.proc,
  clock: systemClock,
  write: tellLog,
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    log.info({ signal }, "stopping");
    kernelLog.stop();
    void Promise.all([service.stop(), clockKeeper.stop()]).then(() => process.exit(0));
  });
}
log.info({ node: process.version }, "executor started");
void clockKeeper.start().finally(() => service.start());
try {
  kernelLog.start();
} catch (error) {
  log.warn({ error: String(error) }, "the kernel's log cannot be read");
}
