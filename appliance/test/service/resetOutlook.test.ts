// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { defaultConfig } from "../../src/config/validate.ts";
import { type ResetFacts, resetOutlook } from "../../src/service/resetOutlook.ts";
import { configOf } from "../support/telemetryRig.ts";

const ETH0 = { name: "eth0", index: 2, address: "52:54:00:00:00:01" };
const ETH1 = { name: "eth1", index: 3, address: "52:54:00:00:00:02" };

function look(document: object, more: Partial<ResetFacts> = {}) {
  return resetOutlook({
    present: configOf({ version: 1, ...document }),
    defaults: defaultConfig(false),
    ethernets: [ETH0, ETH1],
    lanAddresses: ["10.0.2.20/24", "fd00::5/64"],
    guest: false,
    asked: "::ffff:10.0.2.20",
    ...more,
  });
}

test("a LAN that is asked for its address before and after keeps its page, and has the default's name", () => {
  assert.equal(look({ hostname: "rack4" }), {
    ...{ interface: "eth0", mac: ETH0.address, urls: ["https://10.0.2.20/"], localUrl: "https://scsigate.local/" },
    stays: true,
  });
});

test("the page does not stay at a segment's or the storage's address, at a static one, or at another port", () => {
  const storage = { interface: "eth1", ipv4: { method: "static", address: "172.16.4.1/24" } };
  assert.is(look({ storage }, { asked: "172.16.4.1" }).stays, false);
  assert.is(look({ storage }).stays, true);
  const fixed = look({ lan: { ipv4: { method: "static", address: "10.0.2.20/24" } } });
  assert.equal([fixed.urls, fixed.stays], [[], false]);
  assert.is(look({ http: { httpsPort: 8443 } }).stays, false);
});

test("another Ethernet becomes the LAN: nothing of the present one stays", () => {
  const { interface: name, urls, stays } = look({ lan: { interface: "eth1" } });
  assert.equal([name, urls, stays], ["eth0", [], false]);
});

test("the machine itself keeps its page, who asks over no network is nowhere, and a host keeps its network", () => {
  assert.is(look({}, { asked: "127.0.0.1" }).stays, true);
  assert.is(look({}, { asked: undefined }).stays, null);
  const host = look({ http: { httpsPort: 8443 } }, { guest: true, defaults: defaultConfig(true) });
  assert.equal([host.interface, host.urls.length], [null, 1]);
  assert.is(look({}, { ethernets: [], lanAddresses: [] }).interface, null);
});

test.run();
