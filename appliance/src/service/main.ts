// SPDX-License-Identifier: Apache-2.0
/** The service process: user scsigate. Forked by the executor; ends when the executor does. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { openSerialPort } from "../adapter/port.ts";
import { ALIVE_INTERVAL_MS, type LogNote, type Reply } from "../protocol/messages.ts";
import { systemClock } from "../shared/clock.ts";
import { runCommand } from "../shared/commands.ts";
import { toProblem } from "../shared/errors.ts";
import { startLines } from "../shared/lines.ts";
import { createLogger } from "../shared/log.ts";
import { LogBuffer } from "../shared/logBuffer.ts";
import { controlSocket, machine } from "../shared/machine.ts";
import { ChannelExecutorLink } from "./executorLink.ts";
import { openLine } from "./panel/line.ts";
import { Service } from "./service.ts";

/** Called by entry.ts: to be loaded is not to run. */
export function start(): void {
  process.umask(0o022);
  const logs = new LogBuffer();
  const log = createLogger("service", [logs]);
  const executor = new ChannelExecutorLink((request) => process.send?.(request), systemClock);
  process.on("message", (message) => {
    const note = message as Reply | LogNote; // the executor is the more trusted side
    if (note.type === "log") logs[note.again ? "keep" : "write"](note.line);
    else executor.receive(note);
  });

  // The first one comes when the service has lasted: one that dies again and again shows no life.
  systemClock.every(ALIVE_INTERVAL_MS, () => executor.alive());

  const service = new Service({
    paths: {
      sys: "/sys",
      dev: "/dev",
      proc: "/proc",
      modules: "/lib/modules",
      data: join(machine.data, "scsigate"),
      leases: join(machine.run, "scsigate/leases"),
      avahi: "/run/avahi-daemon/pid",
      web: join(__dirname, "web"),
      version: join(__dirname, "version.json"),
      adapterImage: join(__dirname, "adapter.update"),
      run: join(machine.run, "scsigate/service"),
      control: controlSocket(machine),
    },
    guest: machine.guest,
    host: "::",
    clock: systemClock,
    random: randomBytes,
    run: runCommand,
    openPort: openSerialPort,
    openLine,
    lines: startLines,
    executor,
    logs,
    restart: () => end("a restart was asked for", 0),
    log,
  });

  let ending = false;
  const end = (reason: string, code: number): void => {
    if (ending) return;
    ending = true;
    log.info({ reason }, "stopping");
    setTimeout(() => process.exit(code), 2000).unref();
    void service.stop().finally(() => process.exit(code));
  };

  process.once("disconnect", () => end("the executor is gone", 1));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end(signal, 0));
  service.start().catch((error: unknown) => {
    log.fatal({ problem: toProblem(error) }, "service cannot start");
    process.exit(1);
  });
}
