// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from "@scsigate/appliance/json";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { titleOf } from "../src/core/labels.ts";
import { merge, withValue } from "../src/core/merge.ts";

const test = suite("merge");
const BASE = { version: 1, hostname: "a", lan: { interface: "eth0" }, segments: [{ name: "seg0" }, { name: "seg1" }] };

test("changes at different places come together", () => {
  const mine = { ...BASE, hostname: "b", segments: [{ name: "seg0", x: 1 }, { name: "seg1" }] };
  const { lan: _lan, ...theirs } = { ...BASE, mode: "nat", segments: [{ name: "seg0" }, { name: "seg1", y: 2 }] };
  assert.equal(merge(BASE, mine, theirs), {
    document: {
      version: 1,
      mode: "nat",
      hostname: "b",
      segments: [
        { name: "seg0", x: 1 },
        { name: "seg1", y: 2 },
      ],
    },
    conflicts: [],
  });
});

test("the same change twice is none that conflicts", () => {
  const both = { ...BASE, hostname: "b" };
  assert.equal(merge(BASE, both, { ...both }), { document: both, conflicts: [] });
});

test("different changes of one setting conflict, and mine stays", () => {
  const { hostname: _hostname, ...removed } = BASE;
  const mine = { ...BASE, hostname: "b", segments: [...BASE.segments, { name: "mine" }] };
  const theirs = { ...removed, segments: [{ name: "seg1" }] };
  assert.equal(merge(BASE, mine, theirs), {
    document: mine,
    conflicts: [
      { path: ["hostname"], theirs: undefined },
      { path: ["segments"], theirs: [{ name: "seg1" }] },
    ],
  });
  assert.equal(withValue(mine, ["hostname"], undefined), { ...removed, segments: mine.segments });
  assert.equal(withValue({ segments: [{ name: "a" }] }, ["segments", "0", "name"], "x"), { segments: [{ name: "x" }] });
});

test("whatever the documents: without edits theirs, without theirs the edits", () => {
  const documents = fc
    .dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }))
    .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
  fc.assert(
    fc.property(documents, documents, (base, other) => {
      assert.equal(merge(base, base, other), { document: other, conflicts: [] });
      assert.equal(merge(base, other, base), { document: other, conflicts: [] });
      assert.equal(merge(base, other, other), { document: other, conflicts: [] });
    }),
  );
});

test("a setting has a name for people", () => {
  assert.is(titleOf("/segments/0/dhcp/leaseSeconds", BASE), "Segments › seg0 › DHCP and DNS › Lease, seconds");
  assert.is(titleOf("/segments/7/name", BASE), "Segments › Segment 8 › Name");
  assert.is(titleOf("", BASE), "Configuration");
});

test.run();
