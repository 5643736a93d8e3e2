// SPDX-License-Identifier: Apache-2.0
/** Sends one message to a log server, and says how that went. */
import type { ConnectionTest } from "../../api/diagnosis.ts";
import type { SyslogConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/clock.ts";
import { bad, good, type Verdict, warn } from "../diagnosis/verdict.ts";
import { SyslogConnection } from "./connection.ts";
import { formatSyslog } from "./rfc5424.ts";

/** Until there has to be a connection, milliseconds. */
const CONNECT_MS = 5000;
/** After the message, for a refusal to come back, milliseconds. */
const REFUSAL_MS = 500;

export function testSyslog(config: SyslogConfig, hostname: string, clock: Clock): Promise<ConnectionTest> {
  const { host, port, transport } = config;
  const where = `${host}:${port} (${transport})`;
  const step = "Check that the log server runs, and syslog.host, port and transport.";
  return new Promise((resolve) => {
    let cancel = clock.after(CONNECT_MS, () => end(bad(`no connection to ${where}`, step)));
    const end = (verdict: Verdict) => {
      cancel();
      connection.stop();
      resolve({ ok: verdict.state !== "bad", checks: [{ id: "message", title: "Test message", ...verdict }] });
    };
    const connection = new SyslogConnection(config, clock, {
      onOpen: () => {
        const line = { level: "info", time: new Date(clock.now()).toISOString(), msg: "test message", module: "test" };
        connection.send(formatSyslog(JSON.stringify(line), hostname)?.text ?? "");
        cancel();
        cancel = clock.after(REFUSAL_MS, () => {
          if (transport === "tcp") end(good(`sent to ${where}`));
          else end(warn(`sent to ${where}`, 'UDP tells nothing back: look for "test message" at the log server.'));
        });
      },
      onFailure: (reason) => end(bad(`${where}: ${reason}`, step)),
    });
    connection.start();
  });
}
