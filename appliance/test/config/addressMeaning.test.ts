// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";

/** Paths of what is wrong. */
function wrong(document: object): string[] {
  const result = validate({ version: 1, ...document });
  return result.valid ? [] : result.errors.map(({ path }) => path);
}

const lan = (address: string, more: object = {}) => ({
  lan: { interface: "eth0", ipv4: { method: "static", address, ...more } },
});

test("the gateway gives itself no address that is no machine's on a network", () => {
  for (const address of ["127.0.0.5/8", "0.1.2.3/24", "224.0.0.5/24", "240.0.0.1/24", "255.1.1.1/24"]) {
    assert.equal(wrong(lan(address)), ["/lan/ipv4/address"], address);
    assert.equal(wrong({ segments: [{ name: "seg0", ipv4: { address } }] }), ["/segments/0/ipv4/address"], address);
  }
  for (const address of ["1.1.1.1/24", "126.0.0.1/8", "128.0.0.1/16", "223.255.255.1/24"]) {
    assert.equal(wrong(lan(address)), [], address);
  }
});

test("nor one of IPv6", () => {
  const segments = (address: string) => ({ segments: [{ name: "seg0", ipv6: { enabled: true, address } }] });
  for (const address of ["ff02::1/64", "fe80::1/64", "febf::1/64", "::/64", "::1/64"]) {
    assert.equal(wrong(segments(address)), ["/segments/0/ipv6/address"], address);
  }
  for (const address of ["2001:db8::1/64", "fd6e:0:0:1::1/64", "fec0::1/64", "64:ff9b:1::1/64"]) {
    assert.equal(wrong(segments(address)), [], address);
  }
});

test("the router is another machine", () => {
  for (const gateway of ["192.168.1.5", "192.168.1.255", "192.168.1.0"]) {
    assert.equal(wrong(lan("192.168.1.5/24", { gateway })), ["/lan/ipv4/gateway"], gateway);
  }
  assert.equal(wrong(lan("192.168.1.5/24", { gateway: "192.168.1.1" })), []);
  assert.equal(wrong(lan("192.168.1.5/31", { gateway: "192.168.1.4" })), [], "RFC 3021");
});

test("no gateway is its own peer", () => {
  const static5 = lan("192.168.1.5/24");
  const extend = { vni: 7, peers: ["192.168.1.3", "192.168.1.5"] };
  const mesh = { key: "0123456789abcdef", peers: ["192.168.1.5"] };
  assert.equal(wrong({ ...static5, mode: "mesh", mesh }), ["/mesh/peers/0"]);
  const segments = [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, extend }];
  assert.equal(wrong({ ...static5, segments }), ["/segments/0/extend/peers/1"]);
  assert.equal(wrong({ ...lan("192.168.1.6/24"), segments }), []);
});

test.run();
