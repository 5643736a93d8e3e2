// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { Executor } from "../../src/executor/executor.ts";
import { listFirewall, renderFirewall } from "../../src/executor/operations/firewall.ts";
import type { FirewallOperation } from "../../src/protocol/operations.ts";
import { testExecutor } from "../support/executor.ts";
import { firewallOf, loadable } from "../support/firewall.ts";

const ADDRESSES = { seg0: "10.143.0.1/24", seg1: "10.143.1.1/24" };

const PREFIXES = { seg0: "fd12:3456:789a:1::/64" };

function operation(document: object, addresses: Record<string, string> = ADDRESSES): FirewallOperation {
  return firewallOf(document, addresses, PREFIXES);
}

function rules(document: object): string[] {
  return renderFirewall(operation(document))
    .split("\n")
    .map((line) => line.trim());
}

/** A rule of each kind. */
const RULES = [
  { name: "backup server", action: "accept", from: "lan", to: "gateway", protocol: "tcp", ports: ["22", "8000-8010"] },
  { name: "no telnet", action: "reject", from: "seg0", to: "lan", protocol: "tcp", ports: ["23"] },
  { name: "one host", action: "drop", sources: ["10.143.0.7"], destinations: ["192.168.0.0/16", "8.8.8.8"] },
  { name: "ping", action: "drop", from: "segments", to: "segments", protocol: "icmp" },
  { name: "IPv6", action: "drop", sources: ["2001:db8::/32", "fd00::1"], destinations: ["fd12::/64"] },
  { name: "both", action: "reject", to: "gateway", sources: ["2001:db8::1", "10.9.9.9"] },
  { name: "all of UDP", action: "accept", from: "seg1", to: "gateway", protocol: "udp" },
];
const ISCSI = { type: "iscsi", target: "iqn.2026-11.org.scsigate:a", initiators: ["iqn.2026-11.org.scsigate:b"] };

const DOCUMENTS: Record<string, object> = {
  "the defaults": {},
  "no storage": { storage: undefined },
  "no segments": { segments: [] },
  "nat with port forwards": {
    mode: "nat",
    firewall: {
      portForwards: [
        { port: 8080, to: "10.143.0.20", toPort: 80 },
        { protocol: "udp", port: 69, to: "10.143.0.21" },
      ],
    },
  },
  bridge: { mode: "bridge" },
  "bridge with rules": { mode: "bridge", firewall: { betweenSegments: "isolate", rules: RULES } },
  "bridge with a segment whose name means something to JavaScript": {
    mode: "bridge",
    segments: [{ name: "constructor" }],
    firewall: { rules: [{ name: "one", action: "drop", from: "constructor", to: "lan" }] },
  },
  "everything else": {
    segments: [{ name: "seg0", fabric: { ...ISCSI, portals: ["0.0.0.0:3260", "10.0.0.1:3261"] } }, { name: "seg1" }],
    firewall: {
      management: ["lan", "segments"],
      managementSources: ["192.168.1.0/24", "10.0.0.1", "2001:db8::/48"],
      antiSpoofing: false,
      newConnectionsPerSecond: 5,
      betweenSegments: "isolate",
      rules: RULES,
    },
  },
};

const firewall = suite("firewall");

// An own user and network namespace: nothing of this machine is read or changed.
const nft = (text: string) => spawnSync("unshare", ["-rn", "nft", "-f", "-"], { input: text, encoding: "utf8" });
const possible = nft("table inet probe").status === 0;
(possible ? firewall : firewall.skip)(
  "networks behind stations are no forged addresses, and nft takes them in each mode",
  () => {
    for (const mode of ["routed", "nat"]) {
      const plain = operation({ mode });
      const routed = ["10.50.0.0/16", "10.50.7.0/24", "2001:db8:7::/48"];
      const rules = renderFirewall({ ...plain, segments: plain.segments.map((segment) => ({ ...segment, routed })) });
      assert.match(
        rules,
        'iifname "seg0" ip saddr != { 10.143.0.0/24, 10.50.0.0/16, 10.50.7.0/24, 0.0.0.0 } counter drop',
      );
      assert.match(
        rules,
        'iifname "seg0" ip6 saddr != { fd12:3456:789a:1::/64, 2001:db8:7::/48, fe80::/10, :: } counter drop',
      );
      assert.is(/ip saddr .*10\.50\.0\.0\/16.* masquerade/.test(rules), mode === "nat");
      const { stderr, status } = nft(loadable(rules));
      assert.is(status, 0, stderr);
    }
  },
);
for (const [name, document] of Object.entries(DOCUMENTS)) {
  const check = possible ? firewall : firewall.skip;
  check(`${name}: nft takes the rules, and takes them again`, () => {
    const { stderr, status } = nft(loadable(renderFirewall(operation(document))).repeat(2));
    assert.is(status, 0, stderr);
  });
  firewall(`${name}: the executor takes the request`, () => {
    const plan = { groups: [{ name: "firewall", operations: [operation(document)] }] };
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  });
}

firewall("by default, the page is reached from the Ethernets, not from a segment", () => {
  const text = rules({});
  assert.ok(text.includes('iifname { "eth0", "eth1" } tcp dport { 80, 443 } accept'));
  assert.ok(text.includes('iifname { "seg0", "seg1" } udp dport { 53, 67, 123, 547 } accept'));
  assert.ok(text.includes("type filter hook input priority filter; policy drop;"));
  assert.is(text.filter((line) => line.includes("443")).length, 1);
});

firewall("the gateway's name is asked for where the page can be reached, and nowhere else", () => {
  const both = (faces: string) => [
    `iifname { ${faces} } ip daddr 224.0.0.251 udp dport 5353 accept`,
    `iifname { ${faces} } ip6 daddr ff02::fb udp dport 5353 accept`,
  ];
  const found = (document: object) => rules(document).filter((line) => line.includes("5353"));
  assert.equal(found({}), both('"eth0", "eth1"'));
  assert.equal(found({ firewall: { management: ["lan", "segments"] } }), both('"eth0", "seg0", "seg1"'));
  assert.equal(found({ mdns: { enabled: false } }), []);
  assert.equal(found({ firewall: { management: [] } }), []);
});

firewall("SNMP where the page is, while it is on", () => {
  const found = (document: object) => rules(document).filter((line) => line.includes("161"));
  const firewall = { management: ["lan"], managementSources: ["192.168.1.0/24", "2001:db8::/48"] };
  const snmp = { enabled: true, community: "s3cret" };
  assert.equal(found({ firewall, snmp }), [
    'iifname { "eth0" } ip saddr { 192.168.1.0/24 } udp dport { 161 } accept',
    'iifname { "eth0" } ip6 saddr { 2001:db8::/48 } udp dport { 161 } accept',
  ]);
  assert.equal(found({ firewall: { management: [] }, snmp }), []);
  assert.equal(found({ firewall }), []);
  const bridged = { mode: "bridge", segments: [{ name: "seg0" }], firewall: { management: ["segments"] }, snmp };
  assert.ok(found(bridged).includes('iifname { "seg0" } udp dport { 161 } counter accept'));
  assert.ok(found(bridged).includes('iifname { "eth0" } udp dport { 161 } counter drop'));
});

firewall("management from certain sides and addresses only", () => {
  const text = rules({ firewall: { management: ["lan"], managementSources: ["192.168.1.0/24"] } });
  assert.ok(text.includes('iifname { "eth0" } ip saddr { 192.168.1.0/24 } tcp dport { 80, 443 } accept'));
  assert.not.ok(rules({ firewall: { management: [] } }).some((line) => line.includes("443")));
});

firewall("iSCSI is reached from the storage Ethernet, or from the LAN where there is none", () => {
  const segments = [{ name: "seg0", fabric: ISCSI }];
  assert.ok(rules({ segments }).includes('iifname { "eth1" } tcp dport { 3260 } accept'));
  assert.ok(rules({ segments, storage: undefined }).includes('iifname { "eth0" } tcp dport { 3260 } accept'));
});

firewall("an address that is not of its side is dropped; a host that asks for one may", () => {
  const text = rules({});
  assert.ok(text.includes('iifname "seg0" ip saddr != { 10.143.0.0/24, 0.0.0.0 } counter drop'));
  assert.ok(text.includes('iifname { "eth0", "eth1" } ip saddr { 10.143.0.0/24, 10.143.1.0/24 } counter drop'));
  assert.not.ok(rules({ firewall: { antiSpoofing: false } }).some((line) => line.includes("10.143.0.0")));
  assert.not.match(renderFirewall(operation({}, {})), "10.143");
});

firewall("IPv6: the same against spoofing, and NAT in mode nat", () => {
  const text = rules({ mode: "nat" });
  assert.ok(text.includes('iifname "seg0" ip6 saddr != { fd12:3456:789a:1::/64, fe80::/10, :: } counter drop'));
  assert.ok(text.includes('iifname { "eth0", "eth1" } ip6 saddr { fd12:3456:789a:1::/64 } counter drop'));
  assert.ok(text.includes('oifname { "eth0" } ip6 saddr { fd12:3456:789a:1::/64 } masquerade'));
});

firewall("nothing is forwarded to or from the storage Ethernet", () => {
  const text = rules({});
  assert.ok(text.includes('iifname { "eth1" } counter drop'));
  assert.ok(text.includes('oifname { "eth1" } counter drop'));
});

firewall("isolated segments reach the LAN, not each other", () => {
  const text = rules({ firewall: { betweenSegments: "isolate" } });
  assert.ok(text.includes('iifname "seg0" oifname { "seg1" } counter drop'));
  assert.ok(text.includes('iifname "seg1" oifname { "seg0" } counter drop'));
});

firewall("what is only routed is not tracked; NAT and rules of one's own need it", () => {
  assert.ok(rules({}).includes("fib daddr type != local notrack"));
  for (const document of [DOCUMENTS["nat with port forwards"], DOCUMENTS["everything else"]]) {
    assert.not.ok(rules(document ?? {}).some((line) => line.includes("notrack")));
  }
});

firewall(
  "what passes between ports of the bridge is remembered for rules between them only, and then of each station so much",
  () => {
    const bridgeOf = (document: object) => {
      const text = rules({ mode: "bridge", ...document });
      return text.slice(text.indexOf("table bridge scsigate {"));
    };
    const share =
      /^iifname \{ "seg0", "seg1" \} ct state new add @tracked \{ ether saddr ct count over 8192 \} counter drop$/;
    const shares = (text: string[]) => text.filter((line) => share.test(line)).length;
    const plain = bridgeOf({});
    assert.ok(plain.includes("meta pkttype other notrack"));
    assert.is(shares(plain), 1, "to the gateway itself");
    const ruled = bridgeOf({ firewall: { rules: RULES } });
    assert.not.ok(ruled.some((line) => line.includes("notrack")));
    assert.is(shares(ruled), 2);
  },
);

firewall("NAT: out under the gateway's address, in only by a port forward", () => {
  const text = rules(DOCUMENTS["nat with port forwards"] ?? {});
  assert.ok(text.includes('oifname { "eth0" } ip saddr { 10.143.0.0/24, 10.143.1.0/24 } masquerade'));
  assert.ok(text.includes('iifname { "eth0" } fib daddr type local tcp dport 8080 dnat ip to 10.143.0.20:80'));
  assert.ok(text.includes('iifname { "eth0" } fib daddr type local udp dport 69 dnat ip to 10.143.0.21:69'));
  const forward = text.slice(text.indexOf("chain forward {"));
  assert.ok(
    forward.indexOf("ct status dnat accept") <
      forward.indexOf('iifname { "eth0" } oifname { "seg0", "seg1" } counter drop'),
  );
});

firewall("rules of one's own come first, in their order, with their names", () => {
  const text = rules(DOCUMENTS["everything else"] ?? {});
  const own = text.filter((line) => line.includes("comment"));
  assert.equal(own, [
    'iifname { "eth0" } tcp dport { 22, 8000-8010 } counter accept comment "backup server"',
    'ip saddr { 10.9.9.9 } counter reject comment "both"',
    'ip6 saddr { 2001:db8::1 } counter reject comment "both"',
    'iifname { "seg1" } meta l4proto udp counter accept comment "all of UDP"',
    'iifname { "seg0" } oifname { "eth0" } tcp dport { 23 } counter reject comment "no telnet"',
    'ip saddr { 10.143.0.7 } ip daddr { 192.168.0.0/16, 8.8.8.8 } counter drop comment "one host"',
    'iifname { "seg0", "seg1" } oifname { "seg0", "seg1" } meta l4proto { 1, 58 } counter drop comment "ping"',
    'ip6 saddr { 2001:db8::/32, fd00::1 } ip6 daddr { fd12::/64 } counter drop comment "IPv6"',
  ]);
});

firewall("a rule for a side that this gateway does not have says nothing", () => {
  const rule = { name: "x", action: "accept", from: "storage", to: "gateway" };
  assert.equal(operation({ storage: undefined, firewall: { rules: [rule] } }).rules, []);
});

const HOSTILE: [string, object][] = [
  ["a quote in a name", { rules: [{ ...RULES[0], name: 'x" accept' }] }],
  ["a brace in an interface", { lan: ["eth0 } accept"] }],
  ["a line end in an address", { portForwards: [{ protocol: "tcp", port: 1, to: "10.0.0.1\naccept", toPort: 1 }] }],
  ["a rule as port", { rules: [{ ...RULES[0], ports: ["22 } accept"] }] }],
  ["text as subnet", { segments: [{ name: "seg0", subnet: "any" }] }],
];
for (const [what, change] of HOSTILE) {
  firewall(`${what}: refused by the executor`, () => {
    const plan = { groups: [{ name: "firewall", operations: [{ ...operation({}), ...change }] }] };
    assert.not.ok(validateRequest({ type: "apply", id: 1, plan }));
  });
}

firewall("the rules are loaded once, and again when they change", async () => {
  const test = testExecutor();
  const send = (document: object) =>
    new Promise((resolve) => {
      const plan = { groups: [{ name: "firewall", operations: [operation(document)] }] };
      new Executor(test.context, () => {}).handle({ type: "apply", id: 1, plan }, resolve);
    });
  await send({});
  await send({});
  assert.equal(test.commands, ["nft -f /run/scsigate/firewall.nft.pending"]);
  await send({ mode: "nat" });
  assert.is(test.commands.length, 2);
  test.tree.dispose();
});

firewall("what rules have counted is told, and nothing where there are no tables", async () => {
  const test = testExecutor();
  const ask = () =>
    new Promise((resolve) => new Executor(test.context, () => {}).handle({ type: "firewallCounters", id: 7 }, resolve));
  test.outputs.set("nft -t list table inet scsigate", "table inet scsigate {}");
  assert.equal(await ask(), { type: "firewallCounters", id: 7, text: "table inet scsigate {}\n" });
  assert.ok(test.commands.includes("nft -t list table bridge scsigate"));
  const run = () => Promise.reject(new Error("no such table"));
  assert.is((await listFirewall({ run })).trim(), "");
  test.tree.dispose();
});

firewall.run();
