// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";
import { parseNetwork6 } from "../../src/shared/ipv6.ts";

const KEY = "0123456789abcdef";
const PUBLIC_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
/** Encrypted tunnels to gateways 10.20.0.5 and so on. */
const encrypted = (keys: string[], change: object = {}, peer: object = {}) => ({
  mesh: { peers: keys.map((_, at) => `10.20.0.${5 + at}`) },
  encryption: { peers: keys.map((publicKey, at) => ({ address: `10.20.0.${5 + at}`, publicKey, ...peer })), ...change },
});
const extended = (change: object = {}, extend: object = {}) => ({
  segments: [
    {
      name: "seg0",
      ipv4: { address: "10.150.0.1/24" },
      extend: { vni: 7, peers: ["192.168.1.3"], ...extend },
      ...change,
    },
  ],
});

const RIGHT: Record<string, object> = {
  "a mesh with a key": { mode: "mesh", mesh: { key: KEY } },
  "a mesh without: the plan says what is missing": { mode: "mesh" },
  "gateways elsewhere, and networks that are not private": {
    mode: "mesh",
    mesh: { key: KEY, peers: ["10.20.0.5", "172.16.0.1"], accept: ["203.0.113.0/24", "2001:db8:7::/48", "10.0.0.0/8"] },
  },
  "a segment over two gateways": extended(),
  "the same with IPv6": extended({ ipv6: { enabled: true, address: "fd6e:0:0:1::1/64" } }),
  "a tunnel that is encrypted, and one that is not": {
    mesh: { key: KEY, peers: ["10.20.0.5", "10.20.0.6"] },
    encryption: { port: 4500, peers: [{ address: "10.20.0.5", publicKey: PUBLIC_KEY, port: 7000 }] },
  },
  "an encrypted segment over two gateways": {
    ...extended(),
    encryption: { peers: [{ address: "192.168.1.3", publicKey: PUBLIC_KEY }] },
  },
  "the same with NAT": { mode: "nat", ...extended() },
};
for (const [what, document] of Object.entries(RIGHT)) {
  test(`valid: ${what}`, () => {
    const result = validate({ version: 1, ...document });
    assert.ok(result.valid, JSON.stringify(result));
  });
}

const WRONG: [document: object, path: string, message: string][] = [
  [{ mesh: { key: "short" } }, "/mesh/key", "the secret does not have the right form"],
  [{ mesh: { key: `${KEY}"` } }, "/mesh/key", "the secret does not have the right form"],
  [{ mesh: { peers: ["10.0.0.300"] } }, "/mesh/peers/0", "10.0.0.300 is not the address of a gateway"],
  [{ mesh: { peers: ["224.0.0.5"] } }, "/mesh/peers/0", "224.0.0.5 is not the address of a gateway"],
  [{ mesh: { peers: ["127.0.0.1"] } }, "/mesh/peers/0", "127.0.0.1 is not the address of a gateway"],
  [{ mesh: { peers: ["10.0.0.3", "10.0.0.3"] } }, "/mesh/peers", "has an entry twice"],
  [{ mesh: { accept: ["0.0.0.0/0"] } }, "/mesh/accept/0", "0.0.0.0/0 is not a network"],
  [{ mesh: { accept: ["203.0.113.1/24"] } }, "/mesh/accept/0", "203.0.113.1/24 is not a network"],
  [{ mesh: { accept: ["::/0"] } }, "/mesh/accept/0", "::/0 is not a network"],
  [{ mesh: { accept: ["2001:db8::1/64"] } }, "/mesh/accept/0", "2001:db8::1/64 is not a network"],
  [encrypted(["nonsense"]), "/encryption/peers/0/publicKey", "it is not a public key"],
  [encrypted([PUBLIC_KEY.replace("8=", "9=")]), "/encryption/peers/0/publicKey", "it is not a public key"],
  [encrypted([` ${PUBLIC_KEY}`]), "/encryption/peers/0/publicKey", "it is not a public key"],
  [encrypted([PUBLIC_KEY, PUBLIC_KEY]), "/encryption/peers/1/publicKey", "another gateway has this public key"],
  [
    { ...encrypted([PUBLIC_KEY]), mesh: { peers: ["10.20.0.7"] } },
    "/encryption/peers/0/address",
    "no tunnel leads to 10.20.0.5",
  ],
  [
    encrypted([PUBLIC_KEY, `A${PUBLIC_KEY.slice(1)}`], {}, { address: "10.20.0.5" }),
    "/encryption/peers/1/address",
    "10.20.0.5 is in the list already",
  ],
  [encrypted([PUBLIC_KEY], { port: 4789 }), "/encryption/port", "port 4789 is that of VXLAN"],
  [encrypted([PUBLIC_KEY], {}, { port: 4789 }), "/encryption/peers/0/port", "port 4789 is that of VXLAN"],
  [encrypted([PUBLIC_KEY], { port: 53 }), "/encryption/port", "53 is too small"],
  [encrypted([PUBLIC_KEY], { mtu: 1300 }), "/encryption/mtu", "1300 is too small"],
  [
    {
      mode: "nat",
      ...encrypted([PUBLIC_KEY]),
      firewall: { portForwards: [{ protocol: "udp", port: 51820, to: "10.150.0.9" }] },
    },
    "/firewall/portForwards/0/port",
    "udp port 51820 is that of encrypted tunnels",
  ],
  [extended({}, { vni: 0 }), "/segments/0/extend/vni", "0 is too small: 1 is the least"],
  [extended({}, { peers: [] }), "/segments/0/extend/peers", "is empty: it takes an entry"],
  [extended({}, { peers: ["0.0.0.0"] }), "/segments/0/extend/peers/0", "0.0.0.0 is not the address of a gateway"],
  [extended({}, { mtu: 100 }), "/segments/0/extend/mtu", "100 is too small: 1280 is the least"],
  [extended({ ipv4: {} }), "/segments/0/ipv4/address", "cannot choose its subnet"],
  [extended({ ipv6: { enabled: true } }), "/segments/0/ipv6/address", "cannot choose its subnet"],
  [{ mode: "bridge", ...extended() }, "/segments/0/extend", "mode bridge cannot extend a segment"],
  [{ mode: "proxy", ...extended() }, "/segments/0/extend", "mode proxy cannot extend a segment"],
  [
    {
      segments: [
        ...extended().segments,
        { name: "seg1", ipv4: { address: "10.151.0.1/24" }, extend: { vni: 7, peers: ["192.168.1.3"] } },
      ],
    },
    "/segments/1/extend/vni",
    "another segment uses 7",
  ],
];
for (const [document, path, message] of WRONG) {
  test(`refused with its place and a next step: ${path}: ${message}`, () => {
    const result = validate({ version: 1, ...document });
    assert.not(result.valid);
    if (result.valid) return;
    const error = result.errors.find((one) => one.path === path && one.message.includes(message));
    assert.ok(error, JSON.stringify(result.errors));
    assert.ok((error?.nextStep ?? "").length > 10);
    assert.not.match(JSON.stringify(result.errors), KEY);
  });
}

test("a rule with IPv4 on one side and IPv6 on the other is refused; IPv6 ranges are taken", () => {
  const rule = { name: "x", action: "drop", sources: ["10.0.0.1"] };
  const check = (change: object) => validate({ version: 1, firewall: { rules: [{ ...rule, ...change }] } });
  assert.ok(check({ destinations: ["2001:db8::/32", "10.0.0.2"] }).valid);
  const mixed = check({ destinations: ["2001:db8::/32"] });
  assert.ok(!mixed.valid && mixed.errors[0]?.path === "/firewall/rules/0/destinations");
  for (const wrong of ["2001:db8::1/32", "2001:db8::/129", "2001:::1", "10.0.0.300"]) {
    const result = check({ sources: [wrong] });
    assert.ok(!result.valid && result.errors[0]?.path === "/firewall/rules/0/sources/0", wrong);
  }
});

test("property: an IPv6 network has no bit beyond its prefix", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.integer({ min: 0, max: 128 }), (value, prefix) => {
      const text = (address: bigint) => (address.toString(16).padStart(32, "0").match(/.{4}/g) ?? []).join(":");
      const rest = 128n - BigInt(prefix);
      const network = (value >> rest) << rest;
      assert.equal(parseNetwork6(`${text(network)}/${prefix}`), { prefix });
      if (network !== value) assert.is(parseNetwork6(`${text(value)}/${prefix}`), undefined);
    }),
  );
});

test.run();
