// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Adapter } from "../../src/api/status.ts";
import { suggestions } from "../../src/service/suggestions.ts";
import { temporaryTree } from "../support/tree.ts";

function adapter(change: Partial<Adapter>): Adapter {
  const none = { device: null, exports: [], problem: null };
  return { fabric: "qla2xxx", port: null, link: "unknown", state: "usable", ...none, ...change };
}

test("ports by fabric, interfaces, and the host that a target did not let in", () => {
  const tree = temporaryTree();
  const target = "iqn.2026-11.org.scsigate:gateway.seg0";
  const folder = `sys/kernel/config/target/iscsi/${target}/fabric_statistics/iscsi_tgt_attr`;
  tree.write({
    [`${folder}/fail_intr_name`]: "iqn.2026-11.org.scsigate:station-a\n",
    [`${folder}/fail_intr_addr`]: "10.0.2.15:51112\n",
    "sys/kernel/config/target/iscsi/iqn.2026-11.org.scsigate:quiet/fabric_statistics/iscsi_tgt_attr/fail_intr_name":
      "\n",
  });
  const found = suggestions(
    `${tree.root}/sys`,
    [
      adapter({ port: "21:00:00:24:ff:12:34:56", device: "host3", link: "up" }),
      adapter({
        fabric: "adapter",
        port: "E66160F423782A2C",
        exports: [{ segment: "seg1", target: "", enabled: true }],
      }),
      adapter({ fabric: "iscsi", port: "10.0.2.2:3260" }),
      adapter({ fabric: "loop" }),
    ],
    [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }],
  );
  assert.equal(found, [
    { setting: "segments/N/fabric/port", fabric: "qla2xxx", value: "21:00:00:24:ff:12:34:56", about: "host3, up" },
    { setting: "segments/N/fabric/serial", fabric: "adapter", value: "E66160F423782A2C", about: "seg1" },
    { setting: "segments/N/fabric/portals/N", fabric: "iscsi", value: "10.0.2.2:3260", about: "" },
    {
      ...{ setting: "segments/N/fabric/initiators/N", fabric: "iscsi", value: "iqn.2026-11.org.scsigate:station-a" },
      about: `${target} ← 10.0.2.15:51112`,
    },
    { setting: "lan/interface", fabric: null, value: "eth0", about: "52:54:00:00:00:01" },
    { setting: "storage/interface", fabric: null, value: "eth0", about: "52:54:00:00:00:01" },
  ]);
  tree.dispose();
});

test.run();
