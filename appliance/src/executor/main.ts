// SPDX-License-Identifier: Apache-2.0
/**
 * The executor: root, no socket. Prepares the ground for the service, forks it, carries out its plans.
 * When it ends, init starts it again; the service ends with it, and everything that forwards packets goes on.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import { runCommand } from "../shared/commands.ts";
import { SERVICE_FLAGS } from "../shared/flags.ts";
import { createLogger } from "../shared/log.ts";
import { environmentOf, machine } from "../shared/machine.ts";
import { startStream } from "../shared/stream.ts";
import { ClockKeeper } from "./clockKeeper.ts";
import { watchClock } from "./clockSteps.ts";
import { openConfigFs } from "./configFs.ts";
import type { ExecutorContext } from "./context.ts";
import { Executor } from "./executor.ts";
import { KernelLog, openRecords } from "./kernelLog.ts";
import { showLife } from "./lifeSign.ts";
import { prepare } from "./prepare.ts";
import { systemProcesses } from "./processes.ts";
import { release } from "./release.ts";
import { ServiceProcess } from "./serviceProcess.ts";
import { findServiceUser } from "./serviceUser.ts";

const { guest, run, data } = machine;
const paths = {
  sys: "/sys",
  dev: "/dev",
  proc: "/proc",
  run,
  data,
  zones: "/usr/share/zoneinfo",
  home: "/root",
  boot: "/boot",
  // written when the image is made
  image: "/usr/lib/scsigate/image.json",
};
let tellLog = (_line: string): void => {};
const log = createLogger("executor", [{ write: (line) => tellLog(line) }]);

const context: ExecutorContext = {
  paths,
  run: runCommand,
  stream: startStream,
  clock: systemClock,
  processes: systemProcesses(paths.proc),
  ...(guest ? { host: { etc: "/etc", run: "/run", dhcpScript: join(__dirname, "udhcpc.script") } } : {}),
  driverDisk: join(__dirname, "driver.img"),
  targetFs: openConfigFs("/sys/kernel/config/target"),
  log,
};

/** Called by entry.ts: to be loaded is not to run. */
export function start(): void {
  process.umask(0o022);
  if (process.argv[2] === "release") void release(context).then((complete) => process.exit(complete ? 0 : 1));
  else serve();
}

function serve(): void {
  const user = findServiceUser(readFileSync("/etc/passwd", "utf8"));
  prepare(paths, user, log, guest);
  const executor = new Executor({ ...context, serviceUser: user }, () => service.markReady());
  const service = new ServiceProcess({
    module: join(__dirname, "service.js"),
    user,
    environment: {
      ...{ PATH: "/sbin:/usr/sbin:/bin:/usr/bin", NODE_ENV: "production", HOME: "/var/empty" },
      ...environmentOf(machine),
    },
    execArgv: SERVICE_FLAGS,
    clock: systemClock,
    log,
    onMessage: (message, reply) => executor.handle(message, reply),
  });

  tellLog = (line) => service.tellLog(line);
  showLife(join(paths.run, "scsigate/alive"), systemClock, () => service.works);

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
      executor.stop();
      void Promise.all([service.stop(), ...(guest ? [] : [clockKeeper.stop()])]).then(() => process.exit(0));
    });
  }
  log.info({ node: process.version }, "executor started");
  void executor.start();
  watchClock(
    systemClock,
    (milliseconds) => executor.clockStepped(milliseconds),
    () => executor.clockCalm(),
  );
  // A host keeps its own clock.
  void (guest ? Promise.resolve() : clockKeeper.start()).finally(() => service.start());
  try {
    kernelLog.start();
  } catch (error) {
    log.warn({ error: String(error) }, "the kernel's log cannot be read");
  }
}
