// SPDX-License-Identifier: Apache-2.0
/** The command `scsigate`: speaks to the service over its socket, as root on the gateway. */
import { readFileSync } from "node:fs";
import { runCli } from "./cli.ts";
import { socketClient } from "./client.ts";
import { writeNew } from "./files.ts";

const SOCKET = "/run/scsigate/service/control.sock";

void runCli(process.argv.slice(2), {
  call: socketClient(process.env["SCSIGATE_SOCKET"] ?? SOCKET),
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  write: writeNew,
  read: (path) => readFileSync(path === "-" ? 0 : path, "utf8"),
}).then((code) => {
  process.exitCode = code;
});
