// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LabError } from "../../src/errors.ts";
import { cluster } from "../../src/topologies/cluster.ts";
import { checkTopology, fillPorts, startOrder } from "../../src/topologies/expand.ts";
import { topologies } from "../../src/topologies/index.ts";
import type { Topology, VmSpec } from "../../src/topologies/types.ts";

const test = suite("topologies");

const vm = (name: string, change: Partial<VmSpec> = {}): VmSpec => ({
  name,
  role: "loop",
  memoryMiB: 128,
  cpus: 1,
  layers: [],
  interfaces: [],
  adapters: [],
  files: {},
  after: [],
  ready: "true",
  readySeconds: 1,
  ...change,
});
const topology = (...vms: VmSpec[]): Topology => ({ name: "t", ports: { web: 80 }, vms });
const rejects = (wrong: Topology, why: RegExp): void => {
  assert.throws(
    () => checkTopology(wrong),
    (error: unknown) => error instanceof LabError && why.test(error.message),
  );
};

test("those that come with the lab are sound", () => {
  for (const each of Object.values(topologies)) checkTopology(each);
});

test("stations start after the gateway, which starts along with the LAN host", () => {
  const names = startOrder(cluster).map((group) => group.map((spec) => spec.name));
  assert.equal(names, [
    ["gateway", "lan"],
    ["station-a", "station-b"],
  ]);
});

test("mistakes are found", () => {
  const wire = (mac: string) => ({ kind: "wire", wire: "w", mac }) as const;
  rejects(topology(vm("a"), vm("a")), /two VMs are named a/);
  rejects(topology(vm("a", { interfaces: [wire("1")] })), /1 ends instead of 2/);
  rejects(topology(vm("a", { interfaces: [wire("1")] }), vm("b", { interfaces: [wire("1")] })), /the address 1/);
  rejects(topology(vm("a", { after: ["b"] }), vm("b", { after: ["a"] })), /wait for each other/);
  rejects(topology(vm("a", { after: ["zz"] })), /do not exist/);
  const nic = { kind: "user", mac: "1", address: "10.0.2.15", forwards: { nope: 1 } } as const;
  rejects(topology(vm("a", { interfaces: [nic] })), /unknown port nope/);
});

test("whatever waits for whom, each VM starts once and after those that it waits for", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(20)), { maxLength: 12 }), (waits) => {
      // VM number i may wait for lower numbers only, so there is an order.
      const vms = waits.map((after, i) => vm(`v${i}`, { after: after.filter((j) => j < i).map((j) => `v${j}`) }));
      const order = startOrder(topology(...vms.toReversed()));
      const flat = order.flat();
      assert.is(flat.length, vms.length);
      const group = new Map(order.flatMap((members, index) => members.map((spec) => [spec.name, index] as const)));
      for (const spec of flat) {
        for (const name of spec.after) assert.ok((group.get(name) ?? 0) < (group.get(spec.name) ?? 0));
      }
    }),
  );
});

test("ports are filled into files", () => {
  assert.is(fillPorts("mqtt://10.0.2.2:{{port:mqtt}}/", { mqtt: 1883 }), "mqtt://10.0.2.2:1883/");
  assert.throws(() => fillPorts("{{port:nope}}", { mqtt: 1 }), /names no port/);
});

test.run();
