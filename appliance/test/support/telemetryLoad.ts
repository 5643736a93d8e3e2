// SPDX-License-Identifier: Apache-2.0
// What telemetry costs: a whole service with a broker, on a machine of files with the given number of stations. Prints
// {"cpuMilliseconds"}: processor time a second, with counters published every second. A process of its own, so that all its time counts.
import { startGateway, TestBroker, writePeer } from "./gateway.ts";

const peers = Number(process.argv[2]);
const SETTLE_MS = 3000;
const MEASURE_MS = 10_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const broker = new TestBroker();
await broker.start();
await broker.client?.endAsync();
const gateway = await startGateway({
  config: {
    version: 1,
    mqtt: { enabled: true, url: `mqtt://127.0.0.1:${broker.port}`, intervalSeconds: 1 },
  },
});
// the machine of the tests has two already
for (let number = 2; number < peers; number++) {
  const address = `02:11:22:33:55:${number.toString(16).padStart(2, "0")}`;
  writePeer(gateway.tree, "seg0", address, { name: `station-${number}` });
}
await sleep(SETTLE_MS);
const before = process.cpuUsage();
await sleep(MEASURE_MS);
const used = process.cpuUsage(before);
console.log(JSON.stringify({ cpuMilliseconds: (used.user + used.system) / MEASURE_MS }));
await gateway.stop();
await broker.stop();
process.exit(0);
