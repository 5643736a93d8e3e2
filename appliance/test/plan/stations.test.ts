// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Plan } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { PATHS } from "../support/executor.ts";

const A = "02:11:22:33:44:0a";
const B = "02:11:22:33:44:0b";
const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const STATIONS = [
  { address: A, name: "node-1", ipv4: "10.143.0.40" },
  { address: B, access: "block" },
];

function planOf(document: object): Plan {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  const observed = { addresses: new Map(), routes: [], lanSettled: true };
  const ethernets = [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }];
  const { plan } = buildPlan(result.config, { ...observed, ethernets }, identity, {});
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  return plan;
}

for (const mode of ["routed", "nat", "bridge"]) {
  test(`mode ${mode}: stations are blocked once their interface is there, before anything is exported`, () => {
    const fabric = { type: "loop" };
    const { groups } = planOf({ mode, segments: [{ name: "seg0", fabric, stations: STATIONS }] });
    const names = groups.map(({ name }) => name);
    const place = names.indexOf("seg0-stations");
    assert.ok(names.indexOf("seg0") < place && place < names.indexOf("seg0-fabric"), names.join(" "));
    assert.equal(groups[place], {
      name: "seg0-stations",
      needs: ["seg0"],
      operations: [{ kind: "stationFilter", segment: "seg0", blocked: [B] }],
    });
  });
}

test("names and reserved addresses reach DHCP and DNS; a station without either does not", () => {
  const segments = [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, stations: STATIONS }];
  const dnsmasq = planOf({ segments })
    .groups.flatMap(({ operations }) => operations)
    .find(({ kind }) => kind === "dnsmasq");
  assert.ok(dnsmasq?.kind === "dnsmasq");
  const text = renderDnsmasq(dnsmasq, PATHS);
  assert.equal(
    text.split("\n").filter((line) => line.startsWith("dhcp-host")),
    [`dhcp-host=${A},10.143.0.40,node-1`],
  );
});

test("sixteen segments with 63 stations each fit into a plan", () => {
  const stations = Array.from({ length: 63 }, (_, index) => ({
    address: `02:11:22:33:44:${index.toString(16).padStart(2, "0")}`,
    name: `node-${index}`,
    access: "block",
  }));
  const segments = Array.from({ length: 16 }, (_, index) => ({
    name: `seg${index}`,
    fabric: { type: "loop" },
    stations,
  }));
  assert.is(planOf({ segments }).groups.filter(({ name }) => name.endsWith("-stations")).length, 16);
});

test.run();
