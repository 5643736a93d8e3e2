// SPDX-License-Identifier: Apache-2.0
// Plans of one configuration after another, on a machine that remembers: what is left must be what the last one alone
// makes.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { Sysfs } from "../../src/observe/sysfs.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { FakeMachine } from "../support/fakeMachine.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));

function config(document: object): Config {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

const iscsi = (name: string) => ({
  type: "iscsi",
  target: `iqn.2026-11.org.scsigate:${name}`,
  initiators: ["iqn.2026-11.org.scsigate:station-a"],
});
const LAN = { interface: "eth0" };
const STATIC = { interface: "eth0", ipv4: { method: "static", address: "192.168.77.9/24" } };
const storage = { interface: "eth1", ipv4: { method: "static", address: "10.0.2.15/24" } };
const seg0 = { name: "seg0", ipv4: { address: "10.143.0.1/24" }, fabric: iscsi("seg0") };

const PUBLIC_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";

const CONFIGS: Record<string, object> = {
  routed: { lan: LAN, storage, segments: [seg0] },
  nat: { mode: "nat", lan: LAN, storage, segments: [seg0] },
  IPv6: { lan: LAN, storage, segments: [{ ...seg0, ipv6: { enabled: true } }] },
  "nat of both": {
    mode: "nat",
    lan: LAN,
    storage,
    segments: [{ ...seg0, ipv6: { enabled: true, address: "2001:db8::1/64" } }],
  },
  proxy: { mode: "proxy", lan: LAN, storage, segments: [{ ...seg0, ipv4: { address: "192.168.77.225/28" } }] },
  "proxy of both": {
    mode: "proxy",
    lan: LAN,
    storage,
    segments: [{ ...seg0, ipv4: { address: "192.168.77.225/28" }, ipv6: { enabled: true } }],
  },
  bridge: { mode: "bridge", lan: LAN, storage, segments: [seg0] },
  "bridge with a static address": { mode: "bridge", lan: STATIC, storage, segments: [seg0] },
  "a static address": { lan: STATIC, storage, segments: [seg0] },
  "two segments": {
    lan: LAN,
    storage,
    segments: [seg0, { name: "seg1", ipv4: { address: "10.143.1.1/24" }, fabric: { type: "loop" } }],
  },
  mesh: { mode: "mesh", mesh: { key: "0123456789abcdef" }, lan: LAN, storage, segments: [seg0] },
  "mesh with a gateway elsewhere": {
    mode: "mesh",
    mesh: { key: "0123456789abcdef", peers: ["10.9.0.1"], accept: ["2001:db8::/48"] },
    lan: LAN,
    storage,
    segments: [{ ...seg0, ipv6: { enabled: true } }],
  },
  "a segment that spans gateways": {
    lan: LAN,
    storage,
    segments: [
      {
        ...seg0,
        ipv6: { enabled: true, address: "fd6e:0:0:1::1/64" },
        extend: { vni: 7, peers: ["192.168.77.3"] },
      },
    ],
  },
  "a mesh through WireGuard": {
    mode: "mesh",
    mesh: { key: "0123456789abcdef", peers: ["10.9.0.1", "10.9.0.2"] },
    encryption: { peers: [{ address: "10.9.0.1", publicKey: PUBLIC_KEY }] },
    lan: LAN,
    storage,
    segments: [seg0],
  },
  "a mesh through WireGuard, with other settings": {
    mode: "mesh",
    mesh: { key: "0123456789abcdef", peers: ["10.9.0.1", "10.9.0.2"] },
    encryption: { mtu: 1400, port: 51821, peers: [{ address: "10.9.0.2", publicKey: PUBLIC_KEY, port: 7000 }] },
    lan: LAN,
    storage,
    segments: [{ ...seg0, extend: { vni: 7, peers: ["10.9.0.2"] } }],
  },
  "another target": { lan: LAN, storage, segments: [{ ...seg0, fabric: iscsi("renamed") }] },
  "no segment, no storage": { lan: LAN, segments: [] },
  "no address on the LAN": { lan: { interface: "eth0", ipv4: { method: "none" } }, storage, segments: [seg0] },
  "no DHCP for the segment": { lan: LAN, storage, segments: [{ ...seg0, dhcp: { enabled: false } }] },
  "LAN and storage the other way round": {
    lan: { interface: "eth1" },
    storage: { ...storage, interface: "eth0" },
    segments: [seg0],
  },
};

const LAN_ADDRESSES = new Map([
  [
    "eth0",
    [
      { family: "inet6" as const, cidr: "2001:db8:7::2/64", scope: "global" },
      { family: "inet" as const, cidr: "192.168.77.2/24", scope: "global" },
    ],
  ],
]);

async function apply(machine: FakeMachine, document: object, tidy = true): Promise<number> {
  const ethernets = new Sysfs(`${machine.test.tree.root}/sys`).ethernets();
  const observed = { ethernets, addresses: LAN_ADDRESSES, routes: [], lanSettled: true };
  const { plan, problems } = buildPlan(config(document), observed, identity, {}, tidy);
  assert.equal(problems, []);
  const results = await machine.apply(plan);
  const failures = results.filter((result) => result.failure !== undefined || result.skipped);
  assert.equal(failures, []);
  return results.reduce((sum, result) => sum + result.changed, 0);
}

/** What a machine looks like that never had another configuration. */
const expected: Record<string, object> = {};
const modes = suite("from one configuration to another");
modes.before(async () => {
  for (const [name, document] of Object.entries(CONFIGS)) {
    const machine = new FakeMachine();
    await apply(machine, document);
    assert.is(await apply(machine, document), 0, `${name} again changes nothing`);
    expected[name] = machine.state;
    machine.dispose();
  }
});

for (const [from, first] of Object.entries(CONFIGS)) {
  modes(`from ${from} to every other and back, without a trace`, async () => {
    const machine = new FakeMachine();
    await apply(machine, first);
    for (const [to, second] of Object.entries(CONFIGS)) {
      await apply(machine, second);
      assert.equal(machine.state, expected[to], `${from} to ${to}`);
      await apply(machine, first);
      assert.equal(machine.state, expected[from], `${from} to ${to} and back`);
    }
    machine.dispose();
  });
}

modes("what somebody else made stays", async () => {
  const machine = new FakeMachine();
  const { context, targetFs } = machine.test;
  await context.run("ip", ["link", "add", "name", "seg7", "address", "02:00:00:00:00:07", "type", "ipscsi"]);
  await targetFs.make("iscsi");
  await targetFs.make("iscsi/iqn.2026-11.com.example:other");
  await targetFs.make("core/ipscsi_0");
  await targetFs.make("core/ipscsi_0/byhand");
  await apply(machine, CONFIGS["two segments"] ?? {});
  await apply(machine, CONFIGS["no segment, no storage"] ?? {});
  const text = JSON.stringify(machine.state);
  for (const name of ["seg7", "com.example:other", "byhand"]) assert.match(text, name);
  assert.not.match(text, "seg0");
  machine.dispose();
});

modes("a gateway that has lost its configuration takes nothing down", async () => {
  const machine = new FakeMachine();
  await apply(machine, CONFIGS["two segments"] ?? {});
  const targets = (state: object) => (state as { targets: string[] }).targets;
  const before = targets(machine.state);
  await apply(machine, {}, false);
  assert.equal(targets(machine.state), before);
  machine.dispose();
});

modes.run();
