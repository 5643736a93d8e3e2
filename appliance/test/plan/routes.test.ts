// SPDX-License-Identifier: Apache-2.0
// Static routes: where the next router is, and what cannot be; whatever is planned, the executor and the firewall take.
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import { misfits } from "../../src/plan/misfits.ts";
import type { Observed } from "../../src/plan/observed.ts";
import type { FirewallOperation, StaticRoute } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { formatInterface, networkOf, overlaps, parseInterface } from "../../src/shared/ipv4.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const SEGMENTS = [
  { name: "seg0", ipv4: { address: "10.143.0.1/24" } },
  { name: "seg1", ipv4: { address: "10.143.1.1/24" }, ipv6: { enabled: true, address: "fd12:3456:789a:1::1/64" } },
];
const OBSERVED: Observed = {
  ethernets: [
    { name: "eth0", index: 2, address: "52:54:00:00:00:01" },
    { name: "eth1", index: 3, address: "52:54:00:00:00:02" },
  ],
  addresses: new Map([
    [
      "eth0",
      [
        { family: "inet", cidr: "192.168.1.9/24", scope: "global" },
        { family: "inet6", cidr: "2001:db8::9/64", scope: "global" },
        { family: "inet6", cidr: "fe80::9/64", scope: "link" },
      ],
    ],
  ]),
  routes: [{ destination: "192.168.1.0/24", interface: "eth0" }],
  lanSettled: true,
};

function read(document: object) {
  return validate({ version: 1, segments: SEGMENTS, ...document });
}

function config(document: object): Config {
  const result = read(document);
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

function planned(document: object, seen = OBSERVED, remembered = {}) {
  const { plan, problems } = buildPlan(config(document), seen, identity, remembered);
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  const all = plan.groups.flatMap(({ operations }) => operations);
  const routes = all.flatMap((operation) => (operation.kind === "staticRoutes" ? [operation.routes] : []));
  const firewall = all.find((operation): operation is FirewallOperation => operation.kind === "firewall");
  assert.is(routes.length, 1, "one operation names them all, so that others go");
  const told = problems.filter(({ code }) => code === "route-unusable").map(({ message }) => message);
  return { routes: routes[0] as StaticRoute[], told, firewall };
}

function complaints(routes: object[], more: object = {}): string[] {
  const result = read({ routes, ...more });
  return result.valid ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

test("the interface is the one on whose network the router is, for the LAN, storage and stations, of both versions", () => {
  const { routes, told, firewall } = planned({
    storage: { interface: "eth1", ipv4: { method: "static", address: "10.9.0.2/24" } },
    routes: [
      { destination: "10.0.0.0/8", via: "192.168.1.2" },
      { destination: "172.16.0.0/16", via: "10.9.0.1", metric: 5 },
      { destination: "10.50.0.0/16", via: "10.143.0.20" },
      { destination: "2001:db8:7::/48", via: "2001:db8::2" },
      { destination: "fd77::/64", via: "fd12:3456:789a:1::20" },
      { destination: "::/0", via: "2001:db8::1" },
    ],
  });
  assert.equal(told, []);
  assert.equal(
    routes.map((route) => `${route.destination} ${route.interface} ${route.metric}`),
    [
      "10.0.0.0/8 eth0 100",
      "172.16.0.0/16 eth1 5",
      "10.50.0.0/16 seg0 100",
      "2001:db8:7::/48 eth0 100",
      "fd77::/64 seg1 100",
      "::/0 eth0 100",
    ],
  );
  // What comes from behind a station is no forged address.
  assert.equal(
    firewall?.segments.map(({ routed }) => routed),
    [["10.50.0.0/16"], ["fd77::/64"]],
  );
});

test("in mode proxy the segment's part of the LAN has the router, in mode bridge the bridge", () => {
  const part = { name: "seg0", ipv4: { address: "192.168.1.225/28" } };
  const inPart = { destination: "10.50.0.0/16", via: "192.168.1.230" };
  assert.is(planned({ mode: "proxy", segments: [part], routes: [inPart] }).routes[0]?.interface, "seg0");
  const bridged = { ...OBSERVED, addresses: new Map([["scsibr0", OBSERVED.addresses.get("eth0") ?? []]]) };
  assert.is(planned({ mode: "bridge", routes: [inPart] }, bridged).routes[0]?.interface, "scsibr0");
});

test("what cannot be is told, and the others are there", () => {
  const { routes, told } = planned({
    routes: [
      { destination: "10.50.0.0/16", via: "172.16.0.1" },
      { destination: "10.51.0.0/16", via: "192.168.1.9" },
      { destination: "192.168.1.64/26", via: "10.143.0.20" },
      { destination: "192.168.0.0/16", via: "10.143.0.20" },
      { destination: "10.52.0.0/16", via: "192.168.1.2" },
    ],
  });
  assert.equal(
    routes.map(({ destination }) => destination),
    ["10.52.0.0/16"],
  );
  assert.equal(told, [
    "the router 172.16.0.1 on the way to 10.50.0.0/16 is on no network of this gateway",
    "192.168.1.9 on the way to 10.51.0.0/16 is this gateway itself",
    "192.168.1.64/26 is a part of 192.168.1.9/24, whose hosts are reached directly",
    "192.168.0.0/16 behind a station of seg0 would have 192.168.1.9/24 in it, which is here",
  ]);
});

test("a change is refused for it, except for a router on a network that is not known yet", () => {
  const refused = (document: object, seen = OBSERVED) =>
    misfits(config(document), config({}), seen, identity, {}).map(({ path }) => path);
  const astray = { routes: [{ destination: "10.50.0.0/16", via: "172.16.0.1" }] };
  assert.equal(refused(astray), ["/routes/0/via"]);
  assert.equal(refused({ routes: [{ destination: "192.168.1.0/25", via: "192.168.1.2" }] }), ["/routes/0/destination"]);
  assert.equal(refused({ routes: [{ destination: "10.50.0.0/16", via: "192.168.1.2" }] }), []);
  assert.equal(refused(astray, { ...OBSERVED, addresses: new Map() }), []);
  assert.equal(refused({ ...astray, segments: [{ name: "seg0" }] }), []);
});

test("the document is checked for what it says itself", () => {
  assert.equal(complaints([{ destination: "10.50.0.0/16", via: "192.168.1.2" }]), []);
  const destination = "10.50.0.0/16";
  assert.equal(complaints([{ destination: "10.50.0.1/16", via: "192.168.1.2" }]), [
    "/routes/0/destination: 10.50.0.1/16 is no network",
  ]);
  for (const wrong of ["10.50.0.0/33", "300.0.0.0/8", "2001:db8::1/48", "2001:::/48"]) {
    assert.is(complaints([{ destination: wrong, via: "192.168.1.2" }]).length, 1, wrong);
  }
  assert.equal(complaints([{ destination: "0.0.0.0/0", via: "192.168.1.2" }]), [
    "/routes/0/destination: the way to all of IPv4 is the LAN's router",
  ]);
  for (const via of ["2001:db8::1", "192.168.1.256", "1.2.3"])
    assert.is(complaints([{ destination, via }]).length, 1, via);
  assert.is(complaints([{ destination: "2001:db8:7::/48", via: "fe80::1" }]).length, 1);
  assert.equal(complaints([{ destination: "10.143.0.128/25", via: "192.168.1.2" }]), [
    "/routes/0/destination: 10.143.0.128/25 is a part of 10.143.0.1/24 at /segments/0/ipv4/address",
  ]);
  const ways = [2, 3].map((host) => ({ destination, via: `192.168.1.${host}` }));
  assert.equal(complaints(ways), ["/routes/1/metric: there is another route to 10.50.0.0/16 of metric 100"]);
  assert.equal(complaints(ways.map((way, metric) => ({ ...way, metric: metric + 1 }))), []);
});

test("a segment's subnet stays where a route covers it, and a new one is chosen elsewhere", () => {
  const [one] = [{ destination: "10.128.0.0/9", via: "192.168.1.2" }];
  const chosen = (remembered: object, routes: object[]) => {
    // The kernel's table has the route by then.
    const table = [...OBSERVED.routes, { destination: "10.128.0.0/9", interface: "eth0", learned: true as const }];
    const document = config({ segments: [{ name: "seg0" }], routes });
    const { chosenAddresses } = buildPlan(document, { ...OBSERVED, routes: table }, identity, { ...remembered });
    return parseInterface(chosenAddresses["seg0"] ?? "");
  };
  assert.equal(chosen({ seg0: "10.200.3.1/24" }, [one]), parseInterface("10.200.3.1/24"));
  const free = chosen({}, [one]);
  const taken = parseInterface("10.128.0.0/9");
  assert.ok(free !== undefined && taken !== undefined && !overlaps(free, taken));
});

test("whatever validates is planned or told, each once, and leads over a network that has the router and not the destination", () => {
  const octet = fc.constantFrom(0, 1, 9, 10, 128, 143, 168, 192, 254, 255);
  const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const near = fc.constantFrom("192.168.1.2", "192.168.1.9", "10.143.0.20", "10.143.1.1", "172.16.0.1");
  const network = fc.tuple(address, fc.integer({ min: 1, max: 32 })).map(([text, prefix]) => {
    const value = parseInterface(`${text}/${prefix}`) ?? { address: 0, prefix };
    return formatInterface({ ...value, address: networkOf(value) });
  });
  const six = fc.record({
    destination: fc.constantFrom("2001:db8:7::/48", "fd12:3456:789a:1::/64", "fd12::/16", "2001:db8::/65", "::/0"),
    via: fc.constantFrom("2001:db8::2", "2001:db8::9", "fd12:3456:789a:1::20", "2001:db8:1::1"),
  });
  const route = fc.oneof(six, fc.record({ destination: network, via: fc.oneof(near, address) }));
  const mode = fc.constantFrom("routed", "nat", "bridge");
  let looked = 0;
  fc.assert(
    fc.property(fc.array(route, { maxLength: 6 }), mode, (routes, chosen) => {
      const document = { mode: chosen, routes };
      if (!read(document).valid) return;
      looked += 1;
      const result = planned(document);
      assert.is(result.routes.length + result.told.length, routes.length);
      for (const one of result.routes) {
        assert.ok(routes.some(({ destination, via }) => destination === one.destination && via === one.via));
        const own = { eth0: "192.168.1.9/24", seg0: "10.143.0.1/24", seg1: "10.143.1.1/24" }[one.interface];
        const [subnet, to, via] = [own ?? "", one.destination, `${one.via}/32`].map(parseInterface);
        if (subnet === undefined || to === undefined || via === undefined) continue;
        assert.ok(overlaps(subnet, via) && via.address !== subnet.address);
        assert.not.ok(to.prefix >= subnet.prefix && overlaps(subnet, to));
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(looked > 30, String(looked));
});

test.run();
