// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Observed } from "../../src/plan/observed.ts";
import { tunnelName, withoutPasswords } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { PATHS } from "../support/executor.ts";
import { planOf } from "../support/plan.ts";

const KEY = "0123456789abcdef";
const identityOf = (mac: string) => createIdentity(mac, () => Buffer.alloc(6));
const identity = identityOf("52:54:00:12:34:56");
const observed: Observed = {
  ethernets: [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }],
  addresses: new Map([
    [
      "eth0",
      [
        { family: "inet", cidr: "192.168.77.2/24", scope: "global" },
        { family: "inet6", cidr: "fd77::5054:ff:fe00:1/64", scope: "global" },
        { family: "inet6", cidr: "fe80::1/64", scope: "link" },
      ],
    ],
  ]),
  routes: [{ destination: "192.168.77.0/24", interface: "eth0" }],
  lanSettled: true,
};

function config(document: object): Config {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

function plan(document: object, who = identity) {
  const planned = planOf(document, observed, who);
  const [firewall] = planned.of("firewall");
  assert.ok(firewall);
  return { ...planned, rules: firewall === undefined ? "" : renderFirewall(firewall) };
}

const segments = [{ name: "seg0", ipv6: { enabled: true } }];

test("the mesh is the last group, with all segments, the LAN, and what nobody may announce", () => {
  const { of, problems, plan: whole, chosenAddresses } = plan({ mode: "mesh", mesh: { key: KEY }, segments });
  assert.equal(problems, []);
  assert.is(whole.groups.at(-1)?.name, "mesh");
  const [mesh] = of("mesh");
  assert.equal(mesh?.lan, ["eth0"]);
  assert.equal(mesh?.reserved, ["192.168.77.2/24", "fd77:0:0:0::/64"]);
  assert.equal(
    mesh?.segments.map(({ interface: name, subnet }) => [name, subnet]),
    [["seg0", chosenAddresses["seg0"]]],
  );
  assert.match(mesh?.segments[0]?.prefix6 ?? "", /^fd.*::\/64$/);
  assert.ok(mesh !== undefined && !JSON.stringify(withoutPasswords(mesh)).includes(KEY));
  assert.equal(of("prune")[0]?.mesh, true);
});

test("without a key nothing is spoken, the segments come up, and the problem says what to do", () => {
  const { of, problems, rules, chosenAddresses } = plan({ mode: "mesh", segments });
  assert.equal(
    problems.map(({ code }) => code),
    ["mesh-key-missing"],
  );
  assert.match(problems[0]?.nextStep ?? "", "mesh.key");
  assert.equal(of("mesh"), []);
  assert.equal(of("prune")[0]?.mesh, false);
  assert.not.match(rules, "6696");
  assert.ok(chosenAddresses["seg0"]);
});

test("in the other modes a key changes nothing", () => {
  for (const mode of ["routed", "nat", "bridge"]) {
    const { of, rules } = plan({ mode, mesh: { key: KEY, peers: ["10.9.0.1"] }, segments });
    assert.equal(of("mesh"), []);
    assert.equal(of("tunnel"), []);
    assert.equal(of("prune")[0]?.tunnels, []);
    assert.not.match(rules, /6696|l4proto 47/);
  }
});

test("two gateways choose different subnets and are told apart in the mesh", () => {
  const document = { mode: "mesh", mesh: { key: KEY }, segments };
  const gateways = Array.from({ length: 8 }, (_, index) => plan(document, identityOf(`52:54:00:00:00:0${index}`)));
  const different = (values: (string | undefined)[]) => assert.is(new Set(values).size, 8);
  different(gateways.map(({ chosenAddresses }) => chosenAddresses["seg0"]));
  different(gateways.map(({ of }) => of("mesh")[0]?.routerId));
  different(gateways.map(({ of }) => of("mesh")[0]?.segments[0]?.prefix6));
});

test("what other gateways have is not chosen, and what they say takes nothing away that a segment has", () => {
  const learned = (destination: string) => ({ destination, interface: "eth0", learned: true as const });
  const choose = (destination: string, remembered: Record<string, string>) => {
    const routes = [...observed.routes, learned(destination)];
    return buildPlan(config({ mode: "mesh" }), { ...observed, routes }, identity, remembered).chosenAddresses["seg0"];
  };
  const first = choose("10.1.0.0/24", {});
  assert.ok(first !== undefined);
  assert.is.not(choose((first ?? "").replace(".1/24", ".0/24"), {}), first);
  assert.is(choose("10.128.0.0/9", { seg0: "10.143.0.1/24" }), "10.143.0.1/24");
});

test("Babel is let in from link-local addresses of the LAN, and nothing else is opened", () => {
  const { rules } = plan({ mode: "mesh", mesh: { key: KEY }, segments });
  assert.match(rules, 'iifname { "eth0" } ip6 saddr fe80::/10 udp dport 6696 accept');
  assert.not.match(rules, /l4proto 47|4789/);
});

test("a gateway elsewhere: a tunnel, let in from there only, that counts as the LAN for rules and spoofing", () => {
  const name = tunnelName("10.9.0.1");
  assert.is(name, "mesh0a090001");
  const rule = { name: "no web", action: "drop", from: "lan", to: "seg0", protocol: "tcp", ports: ["80"] };
  const document = { mode: "mesh", mesh: { key: KEY, peers: ["10.9.0.1"] }, segments, firewall: { rules: [rule] } };
  const { of, rules } = plan(document);
  assert.equal(
    of("tunnel").map(({ name: one, remote }) => [one, remote]),
    [[name, "10.9.0.1"]],
  );
  assert.match(of("tunnel")[0]?.address ?? "", /^fe80::/);
  assert.equal(of("mesh")[0]?.tunnels, [name]);
  assert.match(rules, 'iifname { "eth0" } ip saddr { 10.9.0.1 } meta l4proto 47 accept');
  assert.match(rules, `iifname { "eth0", "${name}" } ip6 saddr fe80::/10 udp dport 6696 accept`);
  assert.match(rules, new RegExp(`iifname { "eth0", "${name}" } ip saddr { [0-9./]+ } counter drop`));
  assert.match(rules, `iifname { "eth0", "${name}" } oifname { "seg0" } tcp dport { 80 } counter drop`);
  assert.match(rules, 'iifname { "eth0" } tcp dport { 80, 443 } accept', "the page is not for tunnels");
});

const EXTENDED = {
  segments: [
    {
      name: "seg0",
      ipv4: { address: "10.150.0.1/24" },
      ipv6: { enabled: true, address: "fd6e:0:0:1::1/64" },
      extend: { vni: 7, peers: ["192.168.77.3", "192.168.77.4"] },
    },
  ],
};

test("a segment that spans gateways: the bridge has its addresses, rules and DHCP", () => {
  const { of, rules } = plan(EXTENDED);
  const [extension] = of("extension");
  assert.equal([extension?.segment, extension?.vni, extension?.peers], ["seg0", 7, ["192.168.77.3", "192.168.77.4"]]);
  assert.equal(
    of("address")
      .filter(({ address }) => address === "10.150.0.1/24")
      .map(({ interface: name }) => name),
    ["seg0-br"],
  );
  assert.ok(of("noAddress").some(({ interface: name }) => name === "seg0"));
  assert.match(rules, 'iifname { "eth0" } ip saddr { 192.168.77.3, 192.168.77.4 } udp dport 4789 accept');
  assert.match(rules, 'iifname { "seg0-br" } udp dport { 53, 67, 123, 547 } accept');
  assert.match(rules, 'iifname "seg0-br" ip saddr != { 10.150.0.0/24, 0.0.0.0 } counter drop');
  assert.equal(of("prune")[0]?.extended, ["seg0"]);
  const [dnsmasq] = of("dnsmasq");
  assert.ok(dnsmasq);
  const text = dnsmasq === undefined ? "" : renderDnsmasq(dnsmasq, PATHS);
  for (const line of ["interface=seg0-br", "dhcp-option-force=option:mtu,1450", "ra-param=seg0-br,mtu:1450,0"]) {
    assert.ok(text.split("\n").includes(line), line);
  }
});

test("in mode mesh, it is the bridge that is announced", () => {
  const { of } = plan({ mode: "mesh", mesh: { key: KEY }, ...EXTENDED });
  assert.equal(
    of("mesh")[0]?.segments.map(({ interface: name }) => name),
    ["seg0-br"],
  );
});

test.run();
