// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { offersFor } from "../src/core/offers.ts";

const KNOWN = [
  { setting: "segments/N/fabric/port", fabric: "qla2xxx", value: "21:00:00:24:ff:12:34:56", about: "host3" },
  { setting: "segments/N/fabric/port", fabric: "sbp", value: "0011223344556677", about: "fw0" },
  { setting: "lan/interface", fabric: null, value: "eth0", about: "" },
];
const DOCUMENT = {
  hostname: "Gate",
  segments: [
    { name: "seg0", fabric: { type: "iscsi" } },
    { name: "seg1", fabric: { type: "sbp" } },
  ],
};
const values = (...path: string[]) => offersFor(path, DOCUMENT, KNOWN).map(({ value }) => value);

test("what fits the setting and the segment's fabric is offered; a target's name is made of the gateway's and the segment's", () => {
  assert.equal(values("segments", "1", "fabric", "port"), ["0011223344556677"]);
  assert.equal(values("segments", "0", "fabric", "port"), []);
  assert.equal(values("lan", "interface"), ["eth0"]);
  assert.equal(values("hostname"), []);
  assert.equal(values("segments", "0", "fabric", "target"), ["iqn.2026-11.org.scsigate:gate.seg0"]);
  assert.equal(offersFor(["segments", "7", "fabric", "port"], { segments: [] }, KNOWN), []);
});

test.run();
