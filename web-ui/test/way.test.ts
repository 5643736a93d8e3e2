// SPDX-License-Identifier: Apache-2.0
import type { CheckState, Diagnosis } from "@scsigate/appliance/api/diagnosis";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wayOf } from "../src/core/way.ts";

type Found = [segment: string | null, id: string, state: CheckState];

function diagnosis(...found: Found[]): Diagnosis {
  const checks = found.map(([segment, id, state]) => ({ segment, id, state, title: id, measured: "", nextStep: null }));
  return { time: 0, state: "good", checks };
}

const GOOD: Found[] = [
  ["seg0", "station", "good"],
  ["seg0", "station-address", "good"],
  [null, "forwarding", "good"],
  [null, "lan-address", "good"],
  [null, "lan-router", "good"],
];

test("the LAN is reached when each link is good; names, broker and other segments are no part of the way", () => {
  const all = diagnosis(...GOOD, ["seg1", "station", "bad"], [null, "broker", "bad"], [null, "dns", "bad"]);
  assert.equal(wayOf(all, "seg0"), { reached: true, findings: [] });
});

test("what is broken is told, and what could not be looked at because of it is not", () => {
  const way = wayOf(diagnosis(...GOOD, [null, "lan-link", "bad"], [null, "lan-router", "unknown"]), "seg0");
  assert.is(way.reached, false);
  assert.equal(
    way.findings.map(({ id }) => id),
    ["lan-link"],
  );
});

test("what is not known is not reached; what is worth a look does not hinder", () => {
  assert.is(wayOf(diagnosis(["seg0", "station-address", "unknown"]), "seg0").reached, false);
  const way = wayOf(diagnosis(...GOOD, [null, "lan-router", "warn"]), "seg0");
  assert.is(way.reached, true);
  assert.is(way.findings[0]?.id, "lan-router");
});

test.run();
