// SPDX-License-Identifier: Apache-2.0
// The whole service with an adapter: sysfs is a fixture, its management port a real tty (a pseudo terminal) with a stand-in of the
// firmware behind it.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Adapter, Status } from "../../src/api/status.ts";
import { runCli } from "../../src/cli/cli.ts";
import { socketClient } from "../../src/cli/client.ts";
import { telemetryMessages } from "../../src/service/telemetry/payloads.ts";
import { answerOn, FakeFirmware, plugIn, SERIAL, unplug, updateFile } from "../support/fakeAdapter.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { until } from "../support/machine.ts";
import { checkSchemas } from "../support/mqttSchemas.ts";
import { openPty, type Pty } from "../support/pty.ts";

const test = suite("a gateway with an adapter");
const USB = { interface: "seg0" };
const CONFIG = { version: 1, segments: [{ name: "seg0", fabric: { type: "adapter", serial: SERIAL } }] };
let pty: Pty;
let gateway: TestGateway;
const firmware = new FakeFirmware();

test.before(async () => {
  pty = await openPty();
  answerOn(pty, firmware);
  firmware.counters = { selections7: 40, selectionsNoId: 2, parityErrors: 3, resets: 1 };
  firmware.stations = [
    { initiator: 7, address: "02:00:5e:10:00:0a", name: "falcon", counters: { rxPackets: 12, rxBytes: 3400 } },
  ];
  gateway = await startGateway({
    config: CONFIG,
    before: (tree) => {
      tree.remove("sys/class/net/seg0");
      plugIn(tree, USB);
      writeFileSync(`${tree.root}/adapter.update`, updateFile("0.2.0"));
      mkdirSync(`${tree.root}/dev`);
      symlinkSync(pty.path, `${tree.root}/dev/ttyACM0`);
    },
  });
});
test.after(async () => {
  await gateway.stop();
  await pty.close();
});

async function status(): Promise<Status> {
  return JSON.parse((await gateway.get("/api/v1/status")).body) as Status;
}

test("its hosts are stations, and what it counts is there: in the state, in MQTT, in Prometheus", async () => {
  await until("its station", async () => (await status()).segments[0]?.stations.length === 1);
  const now = await status();
  const [segment, ...others] = now.segments;
  assert.is(others.length, 0);
  assert.equal([segment?.fabric, segment?.present, segment?.mode], ["adapter", true, "hub"]);
  const [station] = segment?.stations ?? [];
  assert.equal([station?.name, station?.nexus, station?.adapter], ["falcon", "SCSI ID 7", "adapter"]);
  assert.is(station?.counters.rx_bytes, 3400);
  assert.equal([segment?.bus?.state, segment?.bus?.serial, segment?.bus?.scsiId], ["working", SERIAL, 4]);
  assert.is(segment?.bus?.counters?.["parityErrors"], 3);
  assert.is(now.lan.interface, "eth0");

  const message = telemetryMessages(now).find(({ topic }) => topic.endsWith("/segment/seg0"));
  assert.equal(message?.payload["bus"], {
    ...{ serial: SERIAL, state: "working", scsi_id: 4, firmware: "0.1.0" },
    ...{ selections: 42, parity_errors: 3, resets: 1, timeouts: 0 },
  });
  const heard = telemetryMessages(now).map(({ topic, payload }) => ({
    topic,
    payload: JSON.stringify(payload),
    retained: false,
  }));
  assert.equal(checkSchemas(heard).wrong, []);
  const { body } = await gateway.get("/metrics");
  assert.match(body, 'scsigate_bus_total{segment="seg0",kind="parityErrors"} 3');
  assert.match(body, `scsigate_bus_adapter_working{segment="seg0",serial="${SERIAL}",firmware="0.1.0"} 1`);
});

test("its firmware, by the command line: refused in words, or put onto it, with progress", async () => {
  const said: string[] = [];
  const scsigate = (...args: string[]): Promise<number> =>
    runCli(args, {
      call: socketClient(join(gateway.tree.root, "control.sock")),
      upload: () => Promise.reject(new Error("none")),
      version: () => "1.2.3",
      pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds / 10)),
      ...{ out: (text: string) => said.push(text), err: (text: string) => said.push(text) },
      ...{ write: () => {}, read: () => "", login: async () => {} },
    });
  assert.is.not(await scsigate("adapter", "update", "seg7"), 0);
  assert.match(said.join("\n"), "no segment seg7 has an adapter on USB");
  firmware.capabilities = 3;
  await until("it to be asked", async () => (await status()).segments[0]?.bus?.state === "working");
  assert.is.not(await scsigate("adapter", "update", "seg0"), 0);
  assert.match(said.join("\n"), "cannot be updated over USB yet");
  firmware.capabilities = 7;
  await until("what it can", async () => (await scsigate("adapter", "update", "seg0")) === 0, 90_000);
  assert.match(said.join("\n"), "The adapter runs 0.2.0.");
  const { bus } = (await status()).segments[0] ?? {};
  assert.equal([bus?.firmware, bus?.offered, bus?.update?.state], ["0.2.0", null, "done"]);
});

test("it is among the adapters", async () => {
  const adapters = JSON.parse((await gateway.get("/api/v1/adapters")).body) as Adapter[];
  const own = adapters.filter(({ fabric }) => fabric === "adapter");
  assert.equal(own, [
    {
      ...{ fabric: "adapter", port: SERIAL, device: "seg0", problem: null, link: "up", state: "exported" },
      exports: [{ segment: "seg0", target: SERIAL, enabled: true }],
    },
  ]);
});

test("unplugged: health says what to do, the segment is not there, and the machine is looked at when it comes back", async () => {
  unplug(gateway.tree, USB);
  await until("health says so", async () =>
    (await status()).health.reasons.some(({ code }) => code === "adapter-absent"),
  );
  assert.not.ok((await status()).health.reasons.some(({ code }) => code === "segment-missing"));
  const [segment] = (await status()).segments;
  assert.equal([segment?.present, segment?.bus?.state, segment?.stations], [false, "absent", []]);
  assert.match((await status()).health.reasons.map(({ nextStep }) => nextStep).join(), "cable");
  const before = gateway.plans.length;
  plugIn(gateway.tree, USB);
  await until("it works again", async () => (await status()).segments[0]?.bus?.state === "working");
  assert.ok(gateway.plans.length > before);
});

test.run();
