// SPDX-License-Identifier: Apache-2.0
import { createSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { assessHealth } from "../../../src/service/health.ts";
import { Syslog } from "../../../src/service/syslog/syslog.ts";
import { testSyslog } from "../../../src/service/syslog/syslogTest.ts";
import { until } from "../../support/machine.ts";
import { freePort } from "../../support/mosquitto.ts";
import { type TelemetryRig, telemetryRig } from "../../support/telemetryRig.ts";

const syslog = suite<{ rig: TelemetryRig }>("remote syslog");
syslog.before.each(async (context) => {
  context.rig = await telemetryRig({ version: 1, hostname: "gateway" });
});
syslog.after.each((context) => context.rig.stop());

function line(msg: string, level = "info"): string {
  return JSON.stringify({ level, time: "2026-11-22T10:00:00.000Z", process: "service", msg });
}

function document(port: number, more: Record<string, unknown> = {}) {
  return { version: 1, hostname: "gateway", syslog: { enabled: true, port, ...more } };
}

function start({ environment, state }: TelemetryRig): Syslog {
  const sender = new Syslog(environment, state);
  sender.start();
  return sender;
}

/** Listens and keeps what comes. */
async function tcpServer(port: number): Promise<{ server: Server; received: () => string; cut: () => void }> {
  let text = "";
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (data: Buffer) => {
      text += data.toString();
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, received: () => text, cut };
}

syslog("UDP: a datagram for each line, no less important ones than asked for", async ({ rig }) => {
  const received: string[] = [];
  const server = createSocket("udp4");
  // The empty one asks whether anybody is there.
  server.on("message", (message) => message.length > 0 && received.push(message.toString()));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  rig.configure(document(server.address().port, { level: "warn" }));
  const sender = start(rig);
  try {
    rig.environment.logs.write(line("first", "error"));
    rig.environment.logs.write(line("chatter"));
    rig.environment.logs.write(line("second", "warn"));
    await until("two lines", () => received.length === 2);
    assert.match(received[0] ?? "", /^<27>1 2026-11-22T10:00:00.000Z gateway scsigate service - - first$/);
    assert.match(received[1] ?? "", "second");
  } finally {
    sender.stop();
    server.close();
  }
});

syslog("TCP: framed; lines wait while the server is away, and health says so", async ({ rig }) => {
  const port = await freePort();
  rig.configure(document(port, { transport: "tcp" }));
  const sender = start(rig);
  const codes = () => {
    const { lan, segments } = rig.monitor.status;
    return assessHealth(rig.state, lan, segments, 60).reasons.map((reason) => reason.code);
  };
  try {
    await until("refused", () => codes().includes("log-server-unreachable"));
    rig.environment.logs.write(line("while it was away"));
    const first = await tcpServer(port);
    await until("kept line", () => first.received().includes("while it was away"));
    assert.match(first.received(), /^[0-9]+ <30>1 /);
    assert.not.ok(codes().includes("log-server-unreachable"));

    first.cut();
    await until("noticed", () => codes().includes("log-server-unreachable"));
    rig.environment.logs.write(line("after the cut"));
    const second = await tcpServer(port);
    await until("again", () => second.received().includes("after the cut"));
    second.cut();
  } finally {
    sender.stop();
  }
});

syslog(
  "UDP: a port that nobody listens on is one warning, and lines wait for whoever listens later",
  async ({ rig }) => {
    const port = await freePort();
    rig.configure(document(port));
    let warnings = 0;
    const warn = () => {
      warnings += 1;
    };
    const log = { ...rig.environment.log, warn } as unknown as typeof rig.environment.log;
    const sender = start({ ...rig, environment: { ...rig.environment, log } } as TelemetryRig);
    const received: string[] = [];
    try {
      rig.environment.logs.write(line("early"));
      await until("refused", () => rig.state.syslogProblem !== undefined);
      rig.environment.logs.write(line("meanwhile"));
      const first = rig.state.syslogProblem;
      await until("refused again", () => rig.state.syslogProblem !== first);
      assert.is(warnings, 1);
      const server = createSocket("udp4");
      server.on("message", (message) => message.length > 0 && received.push(message.toString()));
      await new Promise<void>((resolve) => server.bind(port, "127.0.0.1", resolve));
      try {
        await until("both lines", () => received.length >= 2, 60_000);
        assert.match(received.join("\n"), /early(.|\n)*meanwhile/);
        assert.is(rig.state.syslogProblem, undefined);
      } finally {
        server.close();
      }
    } finally {
      sender.stop();
    }
  },
);

for (const transport of ["udp", "tcp"]) {
  syslog(`${transport}: a server whose name is not found is a failure, and logging goes on`, async ({ rig }) => {
    rig.configure(document(514, { transport, host: "log.invalid" }));
    const sender = start(rig);
    try {
      await until("not found", () => {
        rig.environment.logs.write(line("lost"));
        return rig.state.syslogProblem !== undefined;
      });
      assert.match(rig.state.syslogProblem?.message ?? "", "log.invalid");
      rig.environment.logs.write(line("one more"));
    } finally {
      sender.stop();
    }
    const { ok, checks } = await testSyslog(rig.state.config.config.syslog, "gateway", rig.environment.clock);
    assert.equal([ok, checks[0]?.state], [false, "bad"]);
    assert.match(checks[0]?.measured ?? "", /ENOTFOUND|EAI_AGAIN/);
  });
}

syslog("switched off while it runs: nothing more is sent", async ({ rig }) => {
  const received: string[] = [];
  const server = createSocket("udp4");
  // The empty one asks whether anybody is there.
  server.on("message", (message) => message.length > 0 && received.push(message.toString()));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const { port } = server.address();
  rig.configure(document(port));
  const sender = start(rig);
  try {
    rig.environment.logs.write(line("on"));
    await until("a line", () => received.length === 1);
    const before = rig.monitor.status;
    rig.configure({ ...document(port), syslog: { enabled: false, port } });
    await until("one more sample", () => rig.monitor.status !== before);
    rig.environment.logs.write(line("off"));
    // What is sent later by the same way comes later.
    const other = createSocket("udp4");
    other.send("end", port, "127.0.0.1", () => other.close());
    await until("the end", () => received.at(-1) === "end");
    assert.is(received.length, 2);
  } finally {
    sender.stop();
    server.close();
  }
});

syslog.run();
