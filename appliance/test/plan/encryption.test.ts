// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import type { Observed } from "../../src/plan/observed.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { PATHS } from "../support/executor.ts";
import { planOf } from "../support/plan.ts";

const KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const observed: Observed = {
  ethernets: [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }],
  addresses: new Map([
    [
      "eth0",
      [
        { family: "inet6", cidr: "fe80::1/64", scope: "link" },
        { family: "inet", cidr: "192.168.77.2/24", scope: "global" },
      ],
    ],
  ]),
  routes: [{ destination: "192.168.77.0/24", interface: "eth0" }],
  lanSettled: true,
};

function plan(document: object, seen: Partial<Observed> = {}) {
  const { plan: made, of } = planOf(document, { ...observed, ...seen }, identity);
  const { groups } = made;
  const [firewall] = of("firewall");
  const names = groups.map(({ name }) => name);
  return { groups, names, of, rules: firewall === undefined ? "" : renderFirewall(firewall) };
}

const mesh = (peers: string[], encrypted: string[] = []) => ({
  mode: "mesh",
  mesh: { key: "0123456789abcdef", peers },
  encryption: { peers: encrypted.map((address, at) => ({ address, publicKey: at === 0 ? KEY : `A${KEY.slice(1)}` })) },
});
const extended = (encrypted: string[], extend: object = {}, more: object = {}) => ({
  segments: [{ name: "seg0", ipv4: { address: "10.150.0.1/24" }, extend: { vni: 7, peers: ["10.9.0.1"], ...extend } }],
  encryption: { peers: encrypted.map((address) => ({ address, publicKey: KEY })), ...more },
});

test("a gateway of a mesh has a key before it has anybody to talk to, and one without tunnels has none", () => {
  const { of, rules } = plan(mesh([]));
  assert.equal(of("wireguard"), [{ kind: "wireguard", port: 51820, mtu: 1420, source: "192.168.77.2", peers: [] }]);
  assert.is(of("prune")[0]?.encrypted, false);
  assert.not.match(rules, /mesh-wg|51820/);
  assert.is(plan(extended([])).of("wireguard").length, 1);
  assert.equal(plan({}).of("wireguard"), []);
  assert.equal(plan({ ...mesh(["10.9.0.1"], ["10.9.0.1"]), mode: "routed" }).of("wireguard"), []);
});

test("an encrypted tunnel has the same ends, less room, and its way before it", () => {
  const { of, names } = plan(mesh(["10.9.0.1", "10.9.0.2"], ["10.9.0.1"]));
  assert.equal(of("wireguard")[0]?.peers, [{ address: "10.9.0.1", publicKey: KEY, port: 51820 }]);
  assert.equal(
    of("tunnel").map(({ remote, mtu }) => [remote, mtu]),
    [
      ["10.9.0.1", 1396],
      ["10.9.0.2", undefined],
    ],
  );
  assert.ok(names.indexOf("firewall") < names.indexOf("encryption"));
  assert.ok(names.indexOf("encryption") < names.indexOf("mesh"));
  assert.is(of("prune")[0]?.encrypted, true);
});

test("the firewall opens the port to the peers, and lets their tunnels through nowhere but inside", () => {
  const { rules } = plan(mesh(["10.9.0.1", "10.9.0.2"], ["10.9.0.1"]));
  const lines = rules.split("\n").map((line) => line.trim());
  const at = (line: string): number => {
    assert.ok(lines.includes(line), `${line}\n${rules}`);
    return lines.indexOf(line);
  };
  at('iifname { "eth0" } ip saddr { 10.9.0.1 } udp dport 51820 accept');
  at('iifname { "eth0" } ip saddr { 10.9.0.2 } meta l4proto 47 accept');
  at('iifname "mesh-wg" ip saddr { 10.9.0.1 } meta l4proto 47 accept');
  const refused = at('iifname != "mesh-wg" ip saddr { 10.9.0.1 } meta l4proto 47 counter drop');
  at('iifname != "mesh-wg" ip saddr { 10.9.0.1 } udp dport 4789 counter drop');
  assert.ok(refused < at("ct state established,related accept"), "whatever was established");
  at('oifname != "mesh-wg" ip daddr { 10.9.0.1 } meta l4proto 47 counter drop');
  at('oifname != "mesh-wg" ip daddr { 10.9.0.1 } udp dport 4789 counter drop');
  const inside = lines.flatMap((line, index) => (line === 'iifname "mesh-wg" counter drop' ? [index] : []));
  assert.is(inside.length, 2, "neither for the gateway nor for anybody behind it");
});

test("gateways of one LAN with an encrypted tunnel do not speak beside it", () => {
  const near = plan(mesh(["192.168.77.3"], ["192.168.77.3"]));
  assert.equal(near.of("mesh")[0]?.lan, []);
  assert.match(near.rules, 'iifname { "meshc0a84d03" } ip6 saddr fe80::/10 udp dport 6696 accept');
  for (const document of [mesh(["192.168.77.3"]), mesh(["10.9.0.1"], ["10.9.0.1"])]) {
    assert.equal(plan(document).of("mesh")[0]?.lan, ["eth0"]);
  }
});

test("without an address there is none to send from; nothing goes in the clear then", () => {
  const { of, rules } = plan(mesh(["10.9.0.1"], ["10.9.0.1"]), { addresses: new Map() });
  assert.ok(!("source" in (of("wireguard")[0] ?? {})));
  assert.match(rules, 'oifname != "mesh-wg" ip daddr { 10.9.0.1 } meta l4proto 47 counter drop');
});

test("hosts of a segment that spans gateways are told what fits", () => {
  const told = (document: object): string => {
    const [dnsmasq] = plan(document).of("dnsmasq");
    return /option:mtu,([0-9]+)/.exec(dnsmasq === undefined ? "" : renderDnsmasq(dnsmasq, PATHS))?.[1] ?? "";
  };
  assert.is(told(extended([])), "1450");
  assert.is(told(extended(["10.9.0.1"])), "1370");
  assert.is(told(extended(["10.9.0.1"], { mtu: 1300 })), "1300");
  assert.is(told(extended(["10.9.0.1"], { mtu: 8000 }, { mtu: 8000 })), "7950");
  assert.is(told(extended(["10.9.0.1"], { mtu: 8000 })), "1370");
});

test("on somebody's machine, the interface is claimed, and what comes from it is filtered", () => {
  const lan = { interface: "eth0" };
  const { of, rules } = plan({ ...mesh(["10.9.0.1"], ["10.9.0.1"]), lan }, { guest: true });
  assert.ok(of("claim")[0]?.interfaces.includes("mesh-wg"));
  assert.match(rules, /iifname != { [^}]*"mesh-wg"[^}]* } accept/);
});

test.run();
