// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";

function complaints(names: object): string[] {
  const segments = [{ name: "seg0", stations: [{ address: "02:11:22:33:44:0a", name: "node-1" }] }];
  const result = validate({ version: 1, hostname: "gw", segments, names });
  return result.valid ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

test("name servers and records are addresses of either version", () => {
  assert.equal(complaints({ nameServers: ["192.168.1.1", "2001:db8::1"] }), []);
  assert.equal(
    complaints({
      records: [
        { name: "nas", address: "fd12::1" },
        { name: "a.b.c", address: "10.0.0.1" },
      ],
    }),
    [],
  );
  assert.equal(complaints({ nameServers: ["192.168.1.256"] }), [
    "/names/nameServers/0: 192.168.1.256 is neither an IPv4 nor an IPv6 address",
  ]);
  assert.equal(complaints({ records: [{ name: "nas", address: "1:::2" }] }), [
    "/names/records/0/address: 1:::2 is neither an IPv4 nor an IPv6 address",
  ]);
});

test("the gateway does not ask itself", () => {
  for (const server of ["127.0.0.1", "127.0.0.53", "::1"])
    assert.is(complaints({ nameServers: [server] }).length, 1, server);
});

test("a record takes nobody's name", () => {
  const record = (name: string) => complaints({ records: [{ name, address: "10.0.0.1" }] });
  assert.equal(record("GW"), ["/names/records/0/name: GW is this gateway's name already"]);
  assert.equal(record("Node-1"), ["/names/records/0/name: Node-1 is a station's name already"]);
  assert.equal(record("node-2"), []);
});

test.run();
