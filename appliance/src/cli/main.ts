// SPDX-License-Identifier: Apache-2.0
/** The command `scsigate`: speaks to the service over its socket, as root on the gateway. */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import { controlSocket, machine } from "../shared/machine.ts";
import { decodeText } from "../shared/text.ts";
import { runCli } from "./cli.ts";
import { socketClient, socketUpload } from "./client.ts";
import { consoleLogin } from "./consoleLogin.ts";
import { writeNew } from "./files.ts";

const socket = process.env["SCSIGATE_SOCKET"] ?? controlSocket(machine);

void runCli(process.argv.slice(2), {
  call: socketClient(socket),
  upload: socketUpload(socket),
  pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  write: writeNew,
  login: (name, password) =>
    consoleLogin(name, password, {
      data: join(machine.data, "scsigate"),
      failures: join(machine.run, "scsigate/console-failures.json"),
      uptime: () => uptime() * 1000,
    }),
  version: () => (JSON.parse(readFileSync(join(__dirname, "version.json"), "utf8")) as { version: string }).version,
  read: (path) => {
    const text = decodeText(readFileSync(path === "-" ? 0 : path));
    if (text === undefined) throw new Error(`${path} is not a text in UTF-8`);
    return text;
  },
}).then((code) => {
  process.exitCode = code;
});
