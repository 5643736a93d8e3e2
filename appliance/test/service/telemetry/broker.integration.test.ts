// SPDX-License-Identifier: Apache-2.0
/** A broker that takes every session and ends it at once. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultConfig } from "../../../src/config/validate.ts";
import { Broker } from "../../../src/service/telemetry/broker.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { until } from "../../support/machine.ts";
import { ManualClock } from "../../support/manualClock.ts";

interface Rig {
  server: Server;
  sessions: number;
  /** What is sent after CONNACK, before the end. */
  last: Buffer;
}

const broker = suite<Rig>("a broker that ends sessions");

broker.before.each(async (rig) => {
  rig.sessions = 0;
  rig.last = Buffer.alloc(0);
  rig.server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (packet) => {
      rig.sessions += 1;
      // CONNECT: type, length, "MQTT" with its length, level
      const five = packet[8] === 5;
      socket.end(Buffer.concat([Buffer.from(five ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]), rig.last]));
    });
  });
  rig.server.listen(0, "127.0.0.1");
  await once(rig.server, "listening");
});

broker.after.each(({ server }) => {
  server.close();
});

/** Why sessions ended, and how long it was waited before each next one, milliseconds. */
async function sessions(rig: Rig, protocol: "3.1.1" | "5", count: number) {
  const waits: number[] = [];
  const clock = new ManualClock();
  const after = clock.after.bind(clock);
  clock.after = (milliseconds, callback) => {
    waits.push(milliseconds);
    return after(milliseconds, callback);
  };
  const { port } = rig.server.address() as AddressInfo;
  const config = { ...defaultConfig().mqtt, protocol, url: `mqtt://127.0.0.1:${port}` };
  const reasons: string[] = [];
  const will = { topic: "will", payload: "", qos: 0, retain: false } as const;
  const client = new Broker(config, "scsigate-0001", will, clock, silentLogger(), {
    onConnect: () => undefined,
    onDisconnect: (reason) => reasons.push(reason),
    onMessage: () => undefined,
    onSent: () => undefined,
  });
  client.start();
  for (let session = 1; session <= count; session++) {
    await until(`the end of session ${session}`, () => reasons.length === session);
    await clock.pass(waits[session - 1] ?? 0);
  }
  await client.stop([]);
  return { reasons, waits: waits.slice(0, count) };
}

for (const protocol of ["3.1.1", "5"] as const) {
  broker(`MQTT ${protocol}: it is asked more and more seldom, and the usual reasons are named`, async (rig) => {
    const { reasons, waits } = await sessions(rig, protocol, 4);
    for (const reason of reasons) assert.match(reason, "another client has the id scsigate-0001");
    assert.equal(waits, [1000, 2000, 4000, 8000]);
  });
}

broker("MQTT 5: the broker's own reason", async (rig) => {
  for (const [code, said] of [
    [0x8e, "another client has the id scsigate-0001, too; was a gateway's disk copied?"],
    [0x87, "not authorized"],
    [0x9c, "reason 0x9c"],
  ] as const) {
    rig.last = Buffer.from([0xe0, 2, code, 0]);
    const { reasons } = await sessions(rig, "5", 1);
    assert.match(reasons[0] ?? "", said);
  }
});

broker.run();
