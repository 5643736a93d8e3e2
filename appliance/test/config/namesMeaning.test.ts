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
  for (const server of ["127.0.0.1", "127.0.0.53", "::1", "0.0.0.0", "::"])
    assert.is(complaints({ nameServers: [server] }).length, 1, server);
  const wrong = (document: object) => {
    const result = validate({ version: 1, ...document });
    return result.valid ? [] : result.errors.map(({ path }) => path);
  };
  const lan = (dns: string[]) => ({
    lan: { interface: "eth0", ipv4: { method: "static", address: "192.168.1.5/24", dns } },
  });
  const ipv6 = { enabled: true, address: "fd6e:0:0:1::1/64" };
  const segments = [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, ipv6 }];
  const names = { nameServers: ["192.168.1.1", "192.168.1.5"] };
  assert.equal(wrong({ ...lan([]), names }), ["/names/nameServers/1"], "its address on the LAN");
  assert.equal(wrong({ segments, names: { nameServers: ["10.143.0.1"] } }), ["/names/nameServers/0"], "on a segment");
  assert.equal(wrong({ segments, names: { nameServers: ["fd6e:0:0:1::1"] } }), ["/names/nameServers/0"]);
  assert.equal(wrong(lan(["192.168.1.1", "192.168.1.5", "127.0.0.53"])), ["/lan/ipv4/dns/1", "/lan/ipv4/dns/2"]);
});

test("no name has the form of an encoded one, which dnsmasq refuses", () => {
  for (const name of ["Yr--gYS", "xn--", "a.ab--c"]) {
    assert.is(complaints({ records: [{ name, address: "10.0.0.1" }] }).length, 1, name);
  }
  assert.equal(complaints({ records: [{ name: "a--b-c", address: "10.0.0.1" }] }), []);
  const named = validate({ version: 1, hostname: "Yr--gYS-S6z" });
  assert.equal(named.valid ? [] : named.errors.map(({ path }) => path), ["/hostname"]);
});

test("a record takes nobody's name", () => {
  const record = (name: string) => complaints({ records: [{ name, address: "10.0.0.1" }] });
  assert.equal(record("GW"), ["/names/records/0/name: GW is this gateway's name already"]);
  assert.equal(record("Node-1"), ["/names/records/0/name: Node-1 is a station's name already"]);
  for (const name of ["gw.seg0.internal", "GW.local", "localhost", "node-1.SEG0.internal"]) {
    assert.is(record(name).length, 1, name);
  }
  for (const name of ["node-2", "node-2.seg0.internal", "gw.example.org"]) assert.equal(record(name), [], name);
});

test.run();
