// SPDX-License-Identifier: Apache-2.0
/** The service process: user scsigate. Forked by the executor; ends when the executor does. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Reply } from "../protocol/messages.ts";
import { systemClock } from "../shared/clock.ts";
import { runCommand } from "../shared/commands.ts";
import { toProblem } from "../shared/errors.ts";
import { createLogger } from "../shared/log.ts";
import { ChannelExecutorLink } from "./executorLink.ts";
import { Service } from "./service.ts";

process.umask(0o022);
const log = createLogger("service");
const executor = new ChannelExecutorLink((request) => process.send?.(request), systemClock);
process.on("message", (message) => executor.receive(message as Reply));

const service = new Service({
  paths: {
    sys: "/sys",
    proc: "/proc",
    data: "/data/scsigate",
    leases: "/data/dhcp",
    web: join(__dirname, "web"),
    version: join(__dirname, "version.json"),
  },
  host: "::",
  clock: systemClock,
  random: randomBytes,
  run: runCommand,
  executor,
  log,
});

let ending = false;
function end(reason: string, code: number): void {
  if (ending) return;
  ending = true;
  log.info({ reason }, "stopping");
  setTimeout(() => process.exit(code), 2000).unref();
  void service.stop().finally(() => process.exit(code));
}

process.once("disconnect", () => end("the executor is gone", 1));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end(signal, 0));
service.start().catch((error: unknown) => {
  log.fatal({ problem: toProblem(error) }, "service cannot start");
  process.exit(1);
});
