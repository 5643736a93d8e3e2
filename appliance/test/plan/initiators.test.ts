// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import type { SegmentConfig } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import { type Bindings, bindInitiators, settingsOf } from "../../src/plan/initiators.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { PATHS } from "../support/executor.ts";

const A = "02:11:22:33:44:0a";
const B = "02:11:22:33:44:0b";
const ONE = "iqn.2026-11.org.scsigate:one";
const TWO = "iqn.2026-11.org.scsigate:two";
const FABRIC = { type: "iscsi", target: "iqn.2026-11.org.scsigate:seg0", initiators: [ONE, TWO] };

function segmentsOf(stations: unknown): SegmentConfig[] {
  const segments = [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, fabric: FABRIC, stations }];
  const result = validate({ version: 1, segments });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config.segments;
}

const seen =
  (...stations: [address: string, nexus: string, state?: string][]) =>
  () =>
    stations.map(([address, nexus, state = "up"]) => ({ address, nexus, state }));

test("settings follow an initiator to its next station address, and stay with it while it is away", () => {
  const segments = segmentsOf([{ initiator: ONE, name: "x" }]);
  const none: Bindings = {};
  assert.equal(bindInitiators(segments, seen(), none), none, "never seen");
  assert.equal(bindInitiators(segments, seen([A, TWO]), none), none, "somebody else");
  const first = bindInitiators(segments, seen([A, ONE]), none);
  assert.equal(first, { seg0: { [ONE]: A } });
  assert.equal(bindInitiators(segments, seen(), first), first);
  assert.equal(bindInitiators(segments, seen([A, ONE, "down"], [B, ONE]), first), { seg0: { [ONE]: B } });
  assert.equal(bindInitiators(segmentsOf([{ address: A }]), seen([A, ONE]), first), {}, "no settings any more");
});

test("of two hosts with one name, the one that has the settings keeps them while it is there, stalled or not", () => {
  const segments = segmentsOf([{ initiator: ONE, name: "x" }]);
  const before = { seg0: { [ONE]: B } };
  assert.equal(bindInitiators(segments, seen([A, ONE], [B, ONE, "stalled"]), before), before);
  assert.equal(bindInitiators(segments, seen([A, ONE], [B, ONE, "down"]), before), { seg0: { [ONE]: A } });
  assert.equal(bindInitiators(segments, seen([B, ONE], [A, ONE]), {}), { seg0: { [ONE]: A } }, "in any order");
});

test("what is said of a station by address and by initiator is one: the initiator counts more, and each may block", () => {
  const entries = [
    { initiator: ONE, name: "proven" },
    { address: A, name: "claimed", ipv4: "10.143.0.40", access: "block" },
  ];
  const expected = { address: A, initiator: ONE, name: "proven", ipv4: "10.143.0.40", access: "block" };
  for (const stations of [entries, [...entries].reverse()]) {
    const [segment] = segmentsOf(stations);
    assert.equal(settingsOf(segment, { seg0: { [ONE]: A } }), [expected]);
  }
});

function operationsOf(stations: unknown, bindings: Bindings): Operation[] {
  const result = validate({ version: 1, segments: segmentsOf(stations) });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  const ethernets = [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }];
  const observed = { addresses: new Map(), routes: [], lanSettled: true, ethernets, bindings };
  const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
  const { plan } = buildPlan(result.config, observed, identity, {});
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  return plan.groups.flatMap(({ operations }) => operations);
}

test("the fabric does not let in who is blocked by its initiator, be it the only one", () => {
  const lets = (stations: unknown) => {
    const target = operationsOf(stations, { seg0: { [ONE]: A } }).find(({ kind }) => kind === "iscsiTarget");
    return target?.kind === "iscsiTarget" && target.initiators;
  };
  assert.equal(lets([{ initiator: ONE }]), [ONE, TWO]);
  assert.equal(lets([{ initiator: ONE, access: "block" }]), [TWO]);
  assert.equal(
    lets([
      { initiator: ONE, access: "block" },
      { initiator: TWO, access: "block" },
    ]),
    [],
  );
});

test("DHCP and DNS know an initiator by the address that it has; before, its address is kept, and its name is nobody's", () => {
  const stations = [{ initiator: ONE, ipv4: "10.143.0.40", name: "node-1" }];
  const lines = (bindings: Bindings) => {
    const dnsmasq = operationsOf(stations, bindings).find(({ kind }) => kind === "dnsmasq");
    assert.ok(dnsmasq?.kind === "dnsmasq");
    const text = renderDnsmasq(dnsmasq, PATHS);
    return text.split("\n").filter((line) => /^dhcp-host=|owned,node-1$/.test(line));
  };
  const owned = "dhcp-name-match=set:owned,node-1";
  assert.equal(lines({ seg0: { [ONE]: A } }), [`dhcp-host=${A},10.143.0.40,node-1`, owned]);
  assert.equal(lines({}), ["dhcp-host=10.143.0.40", owned]);
});

test.run();
