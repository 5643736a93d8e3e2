// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";

function complaints(segment: object): string[] {
  const result = validate({ version: 1, segments: [{ name: "seg0", fabric: { type: "loop" }, ...segment }] });
  return result.valid ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

test("a segment has no name that means something else in a rule, to the kernel, or as a choice", () => {
  for (const name of ["lan", "storage", "segments", "gateway", "any", "auto", "all", "default", "lo"]) {
    assert.equal(complaints({ name }), [
      `/segments/0/name: ${name} means something else in the settings or to the kernel`,
    ]);
  }
  // Interfaces that are the kernel's or ours: tunnels' modules make some, mode bridge and tunnels to other gateways have the others.
  for (const name of ["gre0", "erspan0", "sit0", "tunl0", "ip6tnl0", "scsibr0", "mesh0a090001"]) {
    assert.is(complaints({ name }).length, 1, name);
  }
  for (const name of ["gre1", "mesh0", "seg0", "lan0", "allhosts", "rack4"]) assert.equal(complaints({ name }), []);
});

test("a station has no name that dnsmasq takes for something else", () => {
  const named = (name: string) => complaints({ stations: [{ address: "02:00:00:00:00:01", name }] });
  for (const name of ["ignore", "Ignore", "infinite", "45m", "12h", "600", "7d", "2w", "30s"]) {
    assert.match(named(name).join(), `/segments/0/stations/0/name: ${name} is no name to the DHCP server`, name);
  }
  for (const name of ["ignored", "host-600", "m45", "12hosts", "a"]) assert.equal(named(name), [], name);
});

test.run();
