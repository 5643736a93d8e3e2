// SPDX-License-Identifier: Apache-2.0
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isOwnAddress } from "../../src/service/http/configApi.ts";

const info = (address: string) => ({ address }) as NetworkInterfaceInfo;
const NOW = { eth0: [info("192.168.77.10"), info("fe80::5054:ff:fe12:3456")], seg0: [info("10.143.0.1")] };

test("a connection from before counts as long as the gateway has the address that it came to", () => {
  for (const address of ["192.168.77.10", "::ffff:192.168.77.10", "10.143.0.1", "fe80::5054:ff:fe12:3456%eth0"]) {
    assert.ok(isOwnAddress(address, NOW), address);
  }
  for (const address of ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
    assert.ok(isOwnAddress(address, {}), address);
  for (const address of ["192.168.77.9", "::ffff:192.168.77.9", "192.168.77.1", ""]) {
    assert.not.ok(isOwnAddress(address, NOW), address);
  }
});

test.run();
