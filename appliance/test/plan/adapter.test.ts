// SPDX-License-Identifier: Apache-2.0
// Segments with the fabric adapter in the plan: as any others, in all modes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { validate } from "../../src/config/validate.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Observed } from "../../src/plan/observed.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { SERIAL } from "../support/fakeAdapter.ts";
import { configOf } from "../support/telemetryRig.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const OBSERVED: Observed = {
  ethernets: [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }],
  addresses: new Map([["eth0", [{ family: "inet" as const, cidr: "192.168.77.9/24", scope: "global" }]]]),
  routes: [],
  lanSettled: true,
};
const seg0 = { name: "seg0", ipv4: { address: "10.143.0.1/24" }, fabric: { type: "adapter", serial: SERIAL } };

const MODES = {
  routed: {},
  nat: {},
  proxy: { segments: [{ ...seg0, ipv4: { address: "192.168.77.225/28" } }] },
  bridge: {},
  mesh: { mesh: { key: "0123456789abcdef" } },
};

for (const [mode, more] of Object.entries(MODES)) {
  test(`mode ${mode}: only what makes the interface and exports the segment differs from another fabric`, () => {
    const document = { version: 1, mode, segments: [seg0], ...more };
    const plan = (fabric: object) => {
      const segments = document.segments.map((segment) => ({ ...segment, fabric }));
      const planned = buildPlan(configOf({ ...document, segments }), OBSERVED, identity, {});
      assert.equal(planned.problems, []);
      assert.ok(validateRequest({ type: "apply", id: 1, plan: planned.plan }), JSON.stringify(validateRequest.errors));
      return planned.plan.groups;
    };
    const own = plan(seg0.fabric);
    const fabric = plan({ type: "none" }).filter(({ name }) => name === "seg0-fabric");
    assert.equal(
      fabric.flatMap(({ operations }) => operations.map(({ kind }) => kind)),
      ["renewal"],
      "the driver's carrier is no adapter's",
    );
    const none = plan({ type: "none" }).filter(({ name }) => name !== "seg0-fabric");
    assert.equal(
      own.map(({ name, needs }) => ({ name, needs })),
      none.map(({ name, needs }) => ({ name, needs })),
    );
    const differing = own.filter((group, index) => JSON.stringify(group) !== JSON.stringify(none[index]));
    assert.equal(
      differing.map(({ name }) => name),
      ["seg0"],
    );
    const made = own.find(({ name }) => name === "seg0")?.operations ?? [];
    const usual = none.find(({ name }) => name === "seg0")?.operations ?? [];
    assert.equal(made.slice(0, 3), [
      { kind: "modules", names: ["cdc_ncm", "cdc_acm"] },
      { kind: "adapter", segment: "seg0", serial: SERIAL },
      { kind: "link", name: "seg0" },
    ]);
    assert.equal(made.slice(3), usual.slice(2));
  });
}

test("each adapter has one segment", () => {
  const fabric = { type: "adapter", serial: SERIAL };
  const segments = [
    { name: "seg0", fabric },
    { name: "seg1", fabric },
  ];
  const result = validate({ version: 1, segments });
  assert.not.ok(result.valid);
  assert.equal(result.valid ? [] : result.errors.map(({ path }) => path), ["/segments/1/fabric/serial"]);
});

test.run();
