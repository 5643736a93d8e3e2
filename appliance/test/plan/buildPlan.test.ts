// SPDX-License-Identifier: Apache-2.0

import { BlockList } from "node:net";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import { findLan } from "../../src/plan/lan.ts";
import { misfits } from "../../src/plan/misfits.ts";
import type { Observed } from "../../src/plan/observed.ts";
import { type Operation, type OperationKind, withoutPasswords } from "../../src/protocol/operations.ts";
import { createIdentity, stationAddress, uniqueLocalAddress } from "../../src/shared/identity.ts";
import { overlaps, parseInterface } from "../../src/shared/ipv4.ts";
import { canonicalIpv6, prefixOf } from "../../src/shared/ipv6.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));

function config(document: object): Config {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

function observed(change: Partial<Observed> = {}): Observed {
  return {
    ethernets: [
      { name: "eth0", index: 2, address: "52:54:00:00:00:01" },
      { name: "eth1", index: 3, address: "52:54:00:00:00:02" },
    ],
    addresses: new Map(),
    routes: [{ destination: "10.0.2.0/24", interface: "eth0" }],
    lanSettled: true,
    ...change,
  };
}

function operations(plan: { groups: { operations: Operation[] }[] }, kind: OperationKind): Operation[] {
  return plan.groups.flatMap((group) => group.operations).filter((operation) => operation.kind === kind);
}

const ISCSI = {
  type: "iscsi",
  target: "iqn.2026-11.org.scsigate:seg0",
  initiators: ["iqn.2026-11.org.scsigate:station-a"],
};

test("the LAN is the oldest Ethernet that is not the storage one, whatever the names", () => {
  const cards = observed().ethernets;
  assert.is(findLan(config({}), cards)?.name, "eth0");
  assert.is(findLan(config({ storage: { interface: "eth0" } }), cards)?.name, "eth1");
  assert.is(findLan(config({ lan: { interface: "eth1" } }), cards)?.name, "eth1");
  assert.is(findLan(config({ lan: { interface: "gone" } }), cards), undefined);
});

test("with a VLAN, its interface is the LAN's in every mode, made before anything names it; its cable has no address", () => {
  const vlan = { vlan: 7 };
  for (const mode of ["routed", "nat", "proxy", "bridge", "mesh"] as const) {
    const segments = [{ name: "seg0", ...(mode === "proxy" ? { ipv4: { address: "10.0.2.129/28" } } : {}) }];
    const { plan, lan } = buildPlan(config({ mode, lan: vlan, segments }), observed(), identity, {});
    assert.is(lan, mode === "bridge" ? "scsibr0" : "lan.7");
    const all = plan.groups.flatMap((group) => group.operations);
    const made = all.findIndex(({ kind }) => kind === "vlan");
    assert.equal(all[made], { kind: "vlan", id: 7, port: "eth0" });
    const first = all.findIndex(
      (operation) => operation.kind !== "prune" && JSON.stringify(operation).includes("lan.7"),
    );
    assert.ok(made < first, mode);
    const [prune] = operations(plan, "prune");
    assert.equal(prune?.kind === "prune" && prune.vlans, ["lan.7"]);
    assert.not.ok(prune?.kind === "prune" && prune.addressed.includes("eth0"), "a lease of before goes");
    assert.equal(
      operations(plan, "dhcpClient").flatMap((one) =>
        one.kind === "dhcpClient" && one.running ? [one.interface] : [],
      ),
      [mode === "bridge" ? "scsibr0" : "lan.7"],
    );
    const proxied = operations(plan, "interfaceSysctl").filter((one) => JSON.stringify(one).includes("proxy_arp"));
    const on = proxied.flatMap((one) => (one.kind === "interfaceSysctl" && one.value === 1 ? [one.interface] : []));
    assert.equal(
      on.filter((name) => name !== "seg0"),
      mode === "proxy" ? ["lan.7"] : [],
    );
  }
  const without = buildPlan(config({}), observed(), identity, {}).plan;
  assert.equal(operations(without, "vlan"), []);
  const [prune] = operations(without, "prune");
  assert.equal(prune?.kind === "prune" && prune.vlans, []);
});

test("storage and a LAN with a VLAN may come by one cable", () => {
  const [eth0] = observed().ethernets;
  const one = config({ lan: { vlan: 7 }, storage: { interface: "eth0" } });
  assert.equal(findLan(one, eth0 === undefined ? [] : [eth0])?.name, "lan.7");
  assert.is(findLan(one, observed().ethernets)?.address, observed().ethernets[1]?.address, "another one is preferred");
});

const CHAP = {
  ...{ user: "stations", password: "correct-horse" },
  ...{ gatewayUser: "gateway", gatewayPassword: "battery-staple" },
};

test("the gateway's name is answered for where the page is, by its own name and number; switched off, nowhere", () => {
  const mdns = (document: object) => {
    const { plan } = buildPlan(config(document), observed({ version: "1.2.3" }), identity, {});
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
    return operations(plan, "mdns")[0];
  };
  const ports = { http: 80, https: 443 };
  const own = { hostname: "gateway", ports, id: identity.id, version: "1.2.3" };
  assert.equal(mdns({ hostname: "gateway" }), { kind: "mdns", interfaces: ["eth0"], ...own } as Operation);
  const interfaces = (document: object) => {
    const operation = mdns(document);
    return operation?.kind === "mdns" ? operation.interfaces : undefined;
  };
  assert.equal(interfaces({ storage: { interface: "eth1" } }), ["eth0", "eth1"]);
  assert.equal(interfaces({ firewall: { management: ["segments"] } }), ["seg0"]);
  assert.equal(interfaces({ mode: "bridge" }), ["scsibr0"]);
  assert.equal(interfaces({ mdns: { enabled: false } }), []);
});

test("a segment gets as much of the CHAP passwords as it asks for", () => {
  const account = (authentication: string) => {
    const segments = [{ name: "seg0", fabric: { ...ISCSI, authentication } }];
    const { plan } = buildPlan(config({ segments, chap: CHAP }), observed(), identity, {});
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
    const [operation] = operations(plan, "iscsiTarget");
    return operation?.kind === "iscsiTarget" ? operation.chap : "no target";
  };
  assert.is(account("none"), undefined);
  assert.equal(account("chap"), { user: "stations", password: "correct-horse" });
  assert.equal(account("mutual"), {
    ...{ user: "stations", password: "correct-horse" },
    gateway: { user: "gateway", password: "battery-staple" },
  });
});

test("ports of adapters are exported by their fabric's module, and stay when others are removed", () => {
  const ports = [
    { type: "qla2xxx", port: "21:00:00:24:ff:12:34:56", initiators: ["21:00:00:24:ff:65:43:21"] },
    {
      ...{ type: "srpt", port: "0xfe800000000000000002c90300abcdef" },
      initiators: ["0x00000000000000000002c90300fedcba"],
    },
    { type: "sbp", port: "0011223344556677", open: true },
  ];
  const segments = ports.map((fabric, index) => ({ name: `seg${index}`, fabric }));
  const { plan } = buildPlan(config({ segments }), observed(), identity, {});
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  const targets = operations(plan, "portTarget").map((operation) =>
    operation.kind === "portTarget" ? [operation.fabric, operation.port, operation.open] : [],
  );
  assert.equal(
    targets,
    ports.map(({ type, port, open }) => [type, port, open === true]),
  );
  const modules = operations(plan, "modules").flatMap((operation) =>
    operation.kind === "modules" ? operation.names : [],
  );
  for (const name of ["tcm_qla2xxx", "ib_srpt", "sbp_target"])
    assert.ok(
      modules.some((other) => other === name),
      name,
    );
  const [prune] = operations(plan, "prune");
  assert.equal(
    prune?.kind === "prune" && prune.targets,
    ports.map(({ port }) => port),
  );
});

test("hosts of other machines get the driver disk, unless it is switched off", () => {
  const disks = (...segments: object[]) => {
    const { plan } = buildPlan(config({ segments }), observed(), identity, {});
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
    const [prune] = operations(plan, "prune");
    const targets = [...operations(plan, "iscsiTarget"), ...operations(plan, "portTarget")];
    return {
      made: operations(plan, "driverDisk"),
      kept: prune?.kind === "prune" && prune.driverDisk,
      on: targets.map((operation) => "driverDisk" in operation && operation.driverDisk),
    };
  };
  const made = [{ kind: "driverDisk", serial: identity.id }] as Operation[];
  const sbp = { type: "sbp", port: "0011223344556677", open: true };
  assert.equal(disks({ name: "seg0", fabric: ISCSI }, { name: "seg1", fabric: sbp }), {
    ...{ made, kept: true, on: [true, false] },
  });
  assert.equal(disks({ name: "seg0", fabric: ISCSI, driverDisk: false }), { made: [], kept: false, on: [false] });
  // Everybody on a FireWire bus may write, and this machine has the driver.
  assert.equal(disks({ name: "seg0", fabric: { type: "loop" } }, { name: "seg1", fabric: sbp }).made, []);
});

test("SSH is open where the page is, and only while it is on", () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB5zC1MkfC3cUyDYIJlVDOhNJFVDI0xKgvGvTMgBqWoT me@desk";
  const planned = (ssh: object) => buildPlan(config({ ssh }), observed(), identity, {}).plan;
  const ports = (ssh: object) =>
    operations(planned(ssh), "firewall").flatMap((one) => (one.kind === "firewall" ? one.management.ports : []));
  assert.equal(ports({ port: 2222 }), [80, 443]);
  assert.equal(ports({ enabled: true, port: 2222, keys: [key] }), [80, 443, 2222]);
  assert.equal(operations(planned({}), "ssh"), [{ kind: "ssh", enabled: false, port: 22, keys: [] }]);
});

test("a whole gateway, in the order in which things depend on each other", () => {
  const { plan, problems, lan } = buildPlan(
    config({
      storage: { interface: "eth1", ipv4: { method: "static", address: "10.0.3.15/24" } },
      segments: [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, fabric: ISCSI }],
    }),
    observed(),
    identity,
    {},
  );
  assert.equal(problems, []);
  assert.is(lan, "eth0");
  assert.equal(
    plan.groups.map((group) => group.name),
    [
      "tidy",
      "system",
      "firewall",
      "forwarding",
      "lan",
      "storage",
      "seg0",
      "seg0-stations",
      "seg0-dhcp",
      "driver-disk",
      "seg0-fabric",
      "routes",
      "clock",
      "ssh",
      "lldp",
      "snmp",
      "mdns",
    ],
  );
  assert.equal(
    plan.groups.find(({ name }) => name === "seg0-fabric")?.operations.map((operation) => operation.kind),
    ["modules", "configfs", "modules", "backstore", "iscsiTarget", "renewal"],
  );
  assert.equal(operations(plan, "dnsmasq")[0], {
    kind: "dnsmasq",
    segment: "seg0",
    running: true,
    address: "10.143.0.1/24",
    range: ["10.143.0.16", "10.143.0.254"],
    leaseSeconds: 3600,
    hostname: "scsigate",
    timeServer: true,
  });
  assert.equal(operations(plan, "timeKeeper"), [{ kind: "timeKeeper", servers: [], clients: ["10.143.0.1/24"] }]);
  assert.ok(validateRequest({ type: "apply", id: 0, plan }), JSON.stringify(validateRequest.errors));
});

test("SNMP and LLDP run while they are switched on; LLDP on the port with the cable, with the LAN's address", () => {
  const of = (document: object, kind: "lldp" | "snmp") => {
    const { plan } = buildPlan(config(document), observed({ version: "1.2.3" }), identity, {});
    assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
    return operations(plan, kind)[0];
  };
  const said = { hostname: "scsigate", version: "1.2.3" };
  const told = { location: "", contact: "" };
  assert.equal(of({}, "lldp"), { kind: "lldp", face: "eth0", ...said } as Operation);
  assert.equal(of({ snmp: { community: "s3cret" } }, "snmp"), { kind: "snmp", ...told, ...said } as Operation);
  const lan = { vlan: 7 };
  const tagged = { kind: "lldp", face: "lan.7", port: "eth0", ...said } as Operation;
  assert.equal(of({ lan, lldp: { enabled: true } }, "lldp"), tagged);
  const bridge = { kind: "lldp", face: "scsibr0", port: "eth0", ...said } as Operation;
  assert.equal(of({ mode: "bridge", lldp: { enabled: true } }, "lldp"), bridge);
  const snmp = { enabled: true, community: "s3cret", location: "rack 3" };
  const running = { kind: "snmp", ...told, location: "rack 3", community: "s3cret", ...said } as Operation;
  assert.equal(of({ snmp }, "snmp"), running);
  assert.not.match(JSON.stringify(withoutPasswords(running)), "s3cret");
});

test("a gateway that is no time server says so nowhere", () => {
  const time = { serve: false, servers: ["time.example.org"] };
  const { plan } = buildPlan(config({ time, segments: [{ name: "seg0" }] }), observed(), identity, {});
  assert.equal(operations(plan, "timeKeeper"), [{ kind: "timeKeeper", servers: time.servers, clients: [] }]);
  const [dnsmasq] = operations(plan, "dnsmasq");
  assert.is(dnsmasq?.kind === "dnsmasq" && dnsmasq.timeServer, false);
  const [firewall] = operations(plan, "firewall");
  assert.is(firewall?.kind === "firewall" && firewall.timeServer, false);
});

test("no LAN interface: a problem with a next step, and the segments still come up", () => {
  const { plan, problems } = buildPlan(config({}), observed({ ethernets: [], routes: [] }), identity, {});
  assert.is(problems[0]?.code, "interface-missing");
  assert.ok(plan.groups.some((group) => group.name === "seg0"));
  assert.not(plan.groups.some((group) => group.name === "lan"));
});

test("an automatic subnet waits for the LAN, a remembered or a written one does not", () => {
  const early = observed({ lanSettled: false, routes: [] });
  assert.equal(buildPlan(config({}), early, identity, {}).waiting, ["seg0"]);
  assert.equal(buildPlan(config({}), early, identity, { seg0: "10.143.7.1/24" }).chosenAddresses, {
    seg0: "10.143.7.1/24",
  });
  assert.equal(
    buildPlan(config({ segments: [{ name: "seg0", ipv4: { address: "10.1.0.1/24" } }] }), early, identity, {}).waiting,
    [],
  );
});

test("segments wait for the identity: a station address must never change", () => {
  assert.equal(buildPlan(config({}), observed(), undefined, {}).waiting, ["seg0"]);
});

test("the station address is locally administered, unicast, stable, and differs by segment", () => {
  const address = stationAddress(identity, "seg0");
  assert.is(
    address,
    stationAddress(
      createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6)),
      "seg0",
    ),
  );
  assert.is.not(address, stationAddress(identity, "seg1"));
  assert.is(Number.parseInt(address.slice(0, 2), 16) & 3, 2);
});

test("a remembered subnet that the LAN uses now is given up", () => {
  const { chosenAddresses } = buildPlan(
    config({}),
    observed({ routes: [{ destination: "10.0.0.0/8", interface: "eth0" }] }),
    identity,
    {
      seg0: "10.143.0.1/24",
    },
  );
  assert.match(chosenAddresses["seg0"] ?? "", /^172\.29\.[0-9]+\.1\/24$/);
});

test("a written address is not remembered for when none is written any more", () => {
  const written = config({ segments: [{ name: "seg0", ipv4: { address: "10.250.0.1/24" } }] });
  assert.equal(buildPlan(written, observed(), identity, {}).chosenAddresses, {});
  const left = config({ segments: [{ name: "seg0" }] });
  assert.match(buildPlan(left, observed(), identity, {}).chosenAddresses["seg0"] ?? "", /\/24$/);
});

test("a part of the LAN's subnet, of mode proxy, is not remembered for other modes", () => {
  const proxy = config({ mode: "proxy", segments: [{ name: "seg0", ipv4: { address: "192.168.1.225/28" } }] });
  const planned = buildPlan(proxy, observed(), identity, { seg0: "10.143.0.1/24" });
  assert.equal(planned.chosenAddresses, {});
  const link = planned.plan.groups.find((group) => group.name === "seg0");
  assert.ok(link?.operations.some((entry) => entry.kind === "address" && entry.address === "192.168.1.225/28"));
});

test("the segment's own route does not count as taken", () => {
  const routes = [{ destination: "10.143.0.0/24", interface: "seg0" }];
  assert.is(
    buildPlan(config({}), observed({ routes }), identity, { seg0: "10.143.0.1/24" }).chosenAddresses["seg0"],
    "10.143.0.1/24",
  );
});

const SEGMENT = { name: "seg0", ipv4: { address: "192.168.77.225/28" } };
const LAN_ADDRESS = new Map([["eth0", [{ family: "inet" as const, cidr: "192.168.77.2/24", scope: "global" }]]]);

test("mode bridge: the LAN's address moves to the bridge, segments are its ports and have none", () => {
  const { plan, lan, waiting } = buildPlan(config({ mode: "bridge" }), observed(), identity, {});
  assert.is(lan, "scsibr0");
  assert.equal(waiting, []);
  assert.equal(operations(plan, "bridge"), [{ kind: "bridge", address: "52:54:00:00:00:01", port: "eth0" }]);
  assert.equal(operations(plan, "bridgePort"), [{ kind: "bridgePort", port: "seg0" }]);
  assert.equal(operations(plan, "dnsmasq"), []);
  const clients = operations(plan, "dhcpClient").map((client) =>
    client.kind === "dhcpClient" ? [client.interface, client.running] : [],
  );
  assert.equal(clients, [
    ["eth0", false],
    ["scsibr0", true],
  ]);
  assert.ok(validateRequest({ type: "apply", id: 0, plan }), JSON.stringify(validateRequest.errors));
});

test("where a segment's hosts have their addresses from changes with its subnet, its DHCP and the mode, and with nothing else", () => {
  const address = "10.143.0.1/24";
  const from = (document: object, seen = observed()): string[] => {
    const { plan } = buildPlan(config(document), seen, identity, {});
    return operations(plan, "renewal").map((entry) => (entry.kind === "renewal" ? entry.from : ""));
  };
  const segment = (more: object = {}) => ({ name: "seg0", ipv4: { address }, ...more });
  assert.equal(from({ segments: [segment()] }), [address]);
  const stations = [{ address: "02:00:00:00:00:01", ipv4: "10.143.0.20", name: "disk" }];
  assert.equal(from({ mode: "nat", segments: [segment({ stations, dhcp: { leaseSeconds: 120 } })] }), [address]);
  assert.equal(from({ segments: [segment({ ipv4: { address: "10.144.0.1/24" } })] }), ["10.144.0.1/24"]);
  assert.equal(from({ segments: [segment({ dhcp: { enabled: false } })] }), ["elsewhere"]);
  assert.equal(from({ mode: "bridge", segments: [segment()] }), ["the LAN"]);
  assert.equal(from({ segments: [segment({ fabric: { type: "adapter", serial: "E66160F423782A2C" } })] }), []);
  const overlapping = observed({ routes: [{ destination: "10.143.0.0/16", interface: "eth0" }] });
  assert.equal(from({ segments: [segment()] }, overlapping), [], "they keep what they have until it fits again");
});

test("mode bridge needs no subnet: a segment does not wait for the LAN to settle", () => {
  const early = observed({ lanSettled: false, routes: [] });
  assert.equal(buildPlan(config({ mode: "bridge" }), early, identity, {}).waiting, []);
});

test("without the firewall's rules, nothing is forwarded and no segment comes up; the LAN's side and the page do", () => {
  for (const mode of ["routed", "nat", "bridge"]) {
    const document = config({ mode, lan: { interface: "eth0" }, segments: [{ name: "seg0", fabric: ISCSI }] });
    const { groups } = buildPlan(document, observed(), identity, {}).plan;
    const fails = new Set(["firewall"]);
    for (const { name, needs = [] } of groups) if (needs.some((needed) => fails.has(needed))) fails.add(name);
    assert.ok(
      ["forwarding", "seg0", "seg0-fabric"].every((name) => fails.has(name)),
      [...fails].join(" "),
    );
    assert.not(
      ["system", "lan", "clock"].some((name) => fails.has(name)),
      [...fails].join(" "),
    );
    const open = groups.filter(({ name }) => !fails.has(name)).flatMap(({ operations: list }) => list);
    assert.not.match(JSON.stringify(open), "forward");
  }
});

const onLan = observed({
  addresses: new Map([["eth0", [{ family: "inet", cidr: "192.168.1.7/24", scope: "global" }]]]),
  routes: [
    { destination: "default", interface: "eth0", gateway: "192.168.1.1" },
    { destination: "192.168.1.0/24", interface: "eth0" },
    { destination: "10.9.0.0/16", interface: "eth0", gateway: "192.168.1.2" },
  ],
});
const written = (address: string, more: object = {}) =>
  config({ segments: [{ name: "seg0", ipv4: { address } }], ...more });

for (const [address, clashes] of [
  ["192.168.1.1/24", true],
  ["192.168.1.129/25", true],
  ["192.168.0.1/16", true],
  ["192.168.2.1/24", false],
  // Behind the LAN's router: a route of its own is more to the point than ours, or less; nothing of the LAN goes.
  ["10.9.0.1/24", false],
] as const) {
  test(`a segment with ${address} on a LAN with 192.168.1.0/24 ${clashes ? "leaves the LAN alone" : "is fine"}`, () => {
    const { plan, problems } = buildPlan(written(address), onLan, identity, {});
    assert.equal(
      problems.map(({ code }) => code),
      clashes ? ["segment-overlaps-lan"] : [],
    );
    const addressed = operations(plan, "address").filter(
      (entry) => entry.kind === "address" && entry.interface === "seg0",
    );
    assert.is(addressed.length, clashes ? 0 : 1);
    const served = operations(plan, "dnsmasq").map((entry) => entry.kind === "dnsmasq" && entry.running);
    assert.equal(served, [!clashes]);
    for (const operation of plan.groups.flatMap((group) => group.operations)) {
      assert.ok(validateRequest({ type: "apply", id: 1, plan: { groups: [{ name: "x", operations: [operation] }] } }));
    }
    const asked = misfits(written(address), written("auto"), onLan, identity, {});
    assert.equal(
      asked.map(({ path }) => path),
      clashes ? ["/segments/0/ipv4/address"] : [],
    );
  });
}

test("a segment does not take the place of an Ethernet that has its name", () => {
  const taken = config({ segments: [{ name: "eth0" }, { name: "seg1" }] });
  const { plan, problems } = buildPlan(taken, onLan, identity, {});
  assert.equal(
    problems.map(({ code }) => code),
    ["interface-taken"],
  );
  const made = operations(plan, "link").flatMap((entry) => (entry.kind === "link" && entry.create ? [entry.name] : []));
  assert.equal(made, ["seg1"]);
  assert.equal(
    misfits(taken, config({}), onLan, identity, {}).map(({ path }) => path),
    ["/segments/0/name"],
  );
});

test("a LAN that the same change moves is not held against a segment", () => {
  const lan = { ipv4: { method: "static", address: "10.1.1.2/24", gateway: "10.1.1.1" } };
  assert.equal(misfits(written("192.168.1.1/24", { lan }), written("auto"), onLan, identity, {}), []);
});

test("mode proxy: what does not fit is told before, for all segments, with a part of the LAN that would", () => {
  const document = config({
    mode: "proxy",
    segments: [
      { name: "seg0", ipv4: { address: "10.2.2.1/28" } },
      { name: "seg1", ipv4: { address: "192.168.1.1/28" } },
    ],
  });
  const found = misfits(document, config({}), onLan, identity, {});
  assert.equal(
    found.map(({ path }) => path),
    ["/segments/0/ipv4/address", "/segments/1/ipv4/address"],
  );
  const proposal = /for example (\S+),/.exec(found[0]?.nextStep ?? "")?.[1] ?? "";
  assert.is(proposal, "192.168.1.225/27");
  const second = config({ mode: "proxy", segments: [{ name: "seg0", ipv4: { address: proposal } }] });
  assert.equal(misfits(second, config({}), onLan, identity, {}), []);
});

test("mode proxy: both sides answer for each other, in the other modes neither does", () => {
  const on = (mode: string) => {
    const document = config({ mode, segments: [SEGMENT] });
    const { plan } = buildPlan(document, observed({ addresses: LAN_ADDRESS }), identity, {});
    return operations(plan, "interfaceSysctl").flatMap((entry) =>
      entry.kind === "interfaceSysctl" && entry.name === "proxy_arp" && entry.value === 1 ? [entry.interface] : [],
    );
  };
  assert.equal(on("proxy"), ["eth0", "seg0"]);
  assert.equal(on("routed"), []);
  assert.equal(on("nat"), []);
});

test("IPv6: a unique local prefix of this gateway, stable, another one for each segment", () => {
  const segments = ["seg0", "seg1"].map((name) => ({ name, ipv6: { enabled: true } }));
  const { plan } = buildPlan(config({ segments }), observed(), identity, {});
  const addresses = operations(plan, "address6").map((entry) => (entry.kind === "address6" ? entry.address : ""));
  for (const address of addresses) assert.match(address ?? "", /^fd[0-9a-f]{2}(:[0-9a-f]{1,4}){3}::1\/64$/);
  assert.is(new Set(addresses).size, 2);
  assert.is(new Set(addresses.map((address) => address?.split(":").slice(0, 3).join(":"))).size, 1);
  assert.equal(addresses[0], uniqueLocalAddress(identity, "seg0"));
  const [server] = operations(plan, "dnsmasq");
  assert.is(server?.kind === "dnsmasq" && server.prefix6, addresses[0]?.replace("::1/", "::/"));
  assert.ok(validateRequest({ type: "apply", id: 0, plan }), JSON.stringify(validateRequest.errors));
});

test("property: an IPv6 prefix is that of the kernel's own reading of the address", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const address = text.toLowerCase();
      if (address.includes(".")) return;
      const prefix = prefixOf(`${address}/64`);
      assert.ok(prefix !== undefined, address);
      const list = new BlockList();
      list.addSubnet(prefix?.replace("/64", "") ?? "", 64, "ipv6");
      assert.ok(list.check(address, "ipv6"), `${address} in ${prefix}`);
      assert.ok(list.check(canonicalIpv6(address), "ipv6"));
    }),
  );
});

const MISFITS: [what: string, address: string, fits: boolean][] = [
  ["a part of the LAN's subnet", "192.168.77.225/28", true],
  ["another subnet", "10.143.0.1/24", false],
  ["as large as the LAN's subnet", "192.168.77.1/24", false],
  ["with the gateway's own address in it", "192.168.77.1/29", false],
  ["with the LAN's router in it", "192.168.77.249/29", false],
];
for (const [what, address, fits] of MISFITS) {
  test(`mode proxy, a segment that is ${what}: ${fits ? "fits" : "a problem that says what to do"}`, () => {
    const document = config({ mode: "proxy", segments: [{ name: "seg0", ipv4: { address } }] });
    const routes = [{ destination: "default", interface: "eth0", gateway: "192.168.77.254" }];
    const { problems } = buildPlan(document, observed({ addresses: LAN_ADDRESS, routes }), identity, {});
    assert.equal(
      problems.map((problem) => problem.code),
      fits ? [] : ["segment-not-in-lan"],
    );
  });
}

test("what an earlier configuration made is removed, except when the present one is lost", () => {
  const document = config({
    segments: [
      { name: "seg0", fabric: ISCSI },
      { name: "seg1", fabric: { type: "loop" } },
    ],
  });
  const [prune] = operations(buildPlan(document, observed(), identity, {}).plan, "prune");
  assert.ok(prune?.kind === "prune");
  assert.equal(prune.kind === "prune" && prune.segments, ["seg0", "seg1"]);
  assert.equal(prune.kind === "prune" && prune.targets.length, 2);
  assert.equal(operations(buildPlan(document, observed(), identity, {}, false).plan, "prune"), []);
  assert.equal(operations(buildPlan(document, observed(), undefined, {}).plan, "prune"), []);
});

test("property: automatic subnets overlap neither the LAN's routes nor each other", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const route = fc
    .tuple(fc.constantFrom("10.143", "172.29", "192.168", "10.29", "10"), octet, octet, fc.integer({ min: 8, max: 32 }))
    .map(([head, third, fourth, prefix]) =>
      head === "10" ? `10.${third}.${fourth}.0/${prefix}` : `${head}.${third}.${fourth}/${prefix}`,
    );
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), (destinations) => {
      const routes = destinations.map((destination) => ({ destination, interface: "eth0" }));
      const segments = ["seg0", "seg1", "seg2"].map((name) => ({ name }));
      const { chosenAddresses, plan } = buildPlan(config({ segments }), observed({ routes }), identity, {});
      const taken = destinations.map((text) => parseInterface(text));
      for (const text of Object.values(chosenAddresses)) {
        const mine = parseInterface(text);
        assert.ok(mine);
        for (const other of taken)
          assert.ok(!mine || !other || !overlaps(mine, other), `${text} ${destinations.join(" ")}`);
        taken.push(mine);
      }
      assert.ok(validateRequest({ type: "apply", id: 1, plan }));
    }),
  );
});

test.run();
