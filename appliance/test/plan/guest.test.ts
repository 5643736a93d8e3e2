// SPDX-License-Identifier: Apache-2.0
/** As a package on somebody's machine: what is planned there, and what is not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import type { Config } from "../../src/config/types.ts";
import { defaultConfig, validate } from "../../src/config/validate.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Observed } from "../../src/plan/observed.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";

const test = suite("a guest on a host");
const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));

function config(document: object): Config {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

const OBSERVED: Observed = {
  ethernets: [
    { name: "eth0", index: 2, address: "52:54:00:00:00:01" },
    { name: "eth1", index: 3, address: "52:54:00:00:00:02" },
  ],
  addresses: new Map(),
  routes: [],
  guest: true,
  lanSettled: true,
};

function planned(document: Config): { operations: Operation[]; problems: number } {
  const { plan, problems } = buildPlan(document, OBSERVED, identity, {});
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  return { operations: plan.groups.flatMap((group) => group.operations), problems: problems.length };
}

const SEGMENT = { name: "seg0", ipv4: { address: "10.9.0.1/24" }, fabric: { type: "loop" } };

test("without a configuration nothing is touched, and nothing is amiss", () => {
  const { operations, problems } = planned(defaultConfig(true));
  assert.equal(
    operations.map(({ kind }) => kind),
    ["prune", "claim", "noFirewall", "staticRoutes"],
  );
  assert.equal(operations[1], { kind: "claim", interfaces: [] } as Operation);
  assert.is(problems, 0);
});

test("the host's name, who answers for it, zone and clock are the host's, whatever is configured", () => {
  const { operations } = planned(config({ lan: { interface: "eth1" }, segments: [SEGMENT] }));
  const kinds = operations.map(({ kind }) => kind);
  for (const kind of ["hostname", "mdns", "timeZone", "timeKeeper", "lldp", "snmp"] as const)
    assert.not.ok(kinds.includes(kind), kind);
  const dhcp = operations.find((operation) => operation.kind === "dnsmasq");
  assert.is(dhcp?.kind === "dnsmasq" && dhcp.timeServer, false);
});

test("what it is given is claimed, and nothing else; where the host keeps the addresses, nothing of it", () => {
  const claimed = (document: object) => {
    const claim = planned(config(document)).operations.find((operation) => operation.kind === "claim");
    return claim?.kind === "claim" && claim.interfaces;
  };
  assert.equal(claimed({ segments: [] }), [], "auto is nobody's");
  assert.equal(claimed({ lan: { interface: "eth1" }, segments: [SEGMENT] }), ["eth1", "seg0"]);
  const left = { interface: "eth1", ipv4: { method: "none" } };
  assert.equal(claimed({ lan: left, segments: [SEGMENT] }), ["seg0"]);
  assert.equal(claimed({ lan: left, mode: "bridge", segments: [SEGMENT] }), ["eth1", "seg0", "scsibr0"]);
  const storage = { interface: "eth0", ipv4: { method: "static", address: "10.0.2.15/24" } };
  const extend = { vni: 7, peers: ["10.0.0.2"] };
  assert.equal(claimed({ storage, segments: [{ ...SEGMENT, extend }] }), ["eth0", "seg0", "seg0-br", "seg0-vx"]);
});

test("forwarding is switched on where it is needed, and never off", () => {
  const settings = (document: object) =>
    planned(config(document)).operations.flatMap((operation) =>
      operation.kind === "sysctl" ? [`${operation.name}=${operation.value}`] : [],
    );
  assert.equal(settings({ segments: [] }), []);
  assert.equal(settings({ segments: [SEGMENT] }), ["net.ipv4.ip_forward=1"]);
  assert.equal(settings({ segments: [{ ...SEGMENT, ipv6: { enabled: true } }] }), [
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
  ]);
});

test("the firewall lets the host's other interfaces alone", () => {
  const { operations } = planned(config({ lan: { interface: "eth1" }, mode: "nat", segments: [SEGMENT] }));
  const firewall = operations.find((operation) => operation.kind === "firewall");
  assert.ok(firewall?.kind === "firewall");
  assert.equal(firewall.only, ["eth1", "seg0"]);
  const lines = renderFirewall(firewall)
    .split("\n")
    .map((line) => line.trim());
  const input = lines.slice(lines.indexOf("chain input {"));
  assert.is(input[3], 'iifname != { "eth1", "seg0" } accept', "before anything else can drop it");
  const forward = lines.slice(lines.indexOf("chain forward {"));
  assert.is(forward[2], 'iifname != { "eth1", "seg0" } oifname != { "eth1", "seg0" } accept');
});

test("connections of the host are tracked as it wants it", () => {
  const { operations } = planned(config({ lan: { interface: "eth1" }, segments: [SEGMENT] }));
  const firewall = operations.find((operation) => operation.kind === "firewall");
  assert.ok(firewall?.kind === "firewall");
  assert.not.match(renderFirewall(firewall), "notrack");
  const { only: _, ...alone } = firewall;
  assert.match(renderFirewall(alone), "notrack");
});

test("a LAN interface that was named and is not there is a problem here as well", () => {
  assert.is(planned(config({ lan: { interface: "eth9" }, segments: [] })).problems, 1);
});

test.run();
