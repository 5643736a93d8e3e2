// SPDX-License-Identifier: Apache-2.0
// What a station's lease tells of its address, while the segment has DHCP and after.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { STATION_A } from "../support/machine.ts";
import { telemetryRig } from "../support/telemetryRig.ts";

test("a lease of another subnet is the station's address as long as it is DHCP's word, and no longer", async () => {
  const rig = await telemetryRig({ version: 1 });
  const segments = (enabled: boolean) => ({ version: 1, segments: [{ name: "seg0", dhcp: { enabled } }] });
  const lease = (ip: string) =>
    rig.tree.write({ "data/dhcp/seg0.leases": `1900000000 ${STATION_A} ${ip} station-a *` });
  const address = async () => {
    await rig.monitor.sample();
    return rig.monitor.status.segments[0]?.stations.find((station) => station.address === STATION_A)?.ip;
  };
  try {
    rig.configure(segments(true));
    assert.is(await address(), "10.143.0.20");
    lease("10.200.0.5");
    assert.is(await address(), "10.200.0.5", "the host does not know yet that the subnet is another one");
    rig.configure(segments(false));
    assert.is(await address(), null, "and whether it still has it, nobody knows");
    lease("10.143.0.20");
    assert.is(await address(), "10.143.0.20");
  } finally {
    await rig.stop();
  }
});

test.run();
