// SPDX-License-Identifier: Apache-2.0
// DHCP options and network boot: values as their types want them, and what validates, dnsmasq takes.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { optionBytes } from "../../src/config/dhcpMeaning.ts";
import type { DhcpOptionConfig } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { DnsmasqOperation } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";

type Dhcp = { boot?: object; options?: object[] };

function read(dhcp: Dhcp) {
  return validate({ version: 1, segments: [{ name: "seg0", ipv4: { address: "10.143.0.1/24" }, dhcp }] });
}

function complaints(dhcp: Dhcp): string[] {
  const result = read(dhcp);
  return result.valid
    ? []
    : result.errors.map(({ path, message }) => `${path.replace("/segments/0/dhcp", "")}: ${message}`);
}

/** The operation that the executor gets, which it must take. */
function operationOf(dhcp: Dhcp): DnsmasqOperation | undefined {
  const result = read(dhcp);
  if (!result.valid) return undefined;
  const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
  const observed = { ethernets: [], addresses: new Map(), routes: [], lanSettled: true };
  const { plan } = buildPlan(result.config, observed, identity, {});
  assert.ok(validateRequest({ type: "apply", id: 1, plan }), JSON.stringify(validateRequest.errors));
  const all = plan.groups.flatMap(({ operations }) => operations);
  return all.find((operation): operation is DnsmasqOperation => operation.kind === "dnsmasq");
}

test("a value is what its type says", () => {
  const bytes = (type: DhcpOptionConfig["type"], value: string) => optionBytes({ number: 200, type, value });
  assert.equal(bytes("text", "a,b"), [97, 44, 98]);
  assert.equal(bytes("addresses", "10.0.0.1, 10.0.0.2"), [10, 0, 0, 1, 10, 0, 0, 2]);
  assert.equal(bytes("number8", "255"), [255]);
  assert.equal(bytes("number16", "258"), [1, 2]);
  assert.equal(bytes("number32", "4294967295"), [255, 255, 255, 255]);
  assert.equal(bytes("bytes", "01:0A:ff"), [1, 10, 255]);
  for (const [type, value] of [
    ["addresses", "10.0.0"],
    ["addresses", "10.0.0.1,"],
    ["number8", "256"],
    ["number8", "-1"],
    ["number16", "65536"],
    ["number32", "4294967296"],
    ["number32", "1e3"],
    ["bytes", "1:2"],
    ["bytes", "01:"],
  ] as const) {
    assert.is(bytes(type, value), undefined, value);
    assert.equal(complaints({ options: [{ number: 200, type, value }] }), [
      `/options/0/value: ${value} is no value of type ${type}`,
    ]);
  }
});

test("options that the gateway or the protocol sets, twice the same, and the wrong type are refused", () => {
  const option = (number: number, type = "text", value = "x") => ({ number, type, value });
  assert.equal(complaints({ options: [option(3)] }), ["/options/0/number: option 3 is the gateway's own"]);
  assert.equal(complaints({ options: [option(53)] }), ["/options/0/number: option 53 belongs to the protocol itself"]);
  assert.equal(complaints({ options: [option(200), option(200)] }), ["/options/1/number: option 200 is set already"]);
  assert.equal(complaints({ options: [option(150)] }), ["/options/0/type: option 150 is a list of IPv4 addresses"]);
  assert.equal(complaints({ boot: { server: "10.0.0.999", file: "a" } }), [
    "/boot/server: 10.0.0.999 is not an IPv4 address",
  ]);
  for (const file of ["", "a,b", 'a"', "a\\b", "a b", "a#b", "a\nb", "-a", "x".repeat(128)]) {
    assert.is(complaints({ boot: { server: "10.0.0.1", file } }).length, 1, file);
  }
});

test("what is written is data to dnsmasq, and no line or word of its own", () => {
  const text = "tag:x,option:router,10.0.0.1 #";
  const operation = operationOf({
    boot: { server: "192.168.1.60", file: "tag:known", uefiFile: "http://192.168.1.60/boot.efi?a=1" },
    options: [
      { number: 60, type: "text", value: text },
      { number: 200, type: "number8", value: "7" },
      { number: 150, type: "addresses", value: "192.168.1.60, 192.168.1.61" },
    ],
  });
  assert.ok(operation);
  const lines = renderDnsmasq(operation, { run: "/run", data: "/data" } as Parameters<typeof renderDnsmasq>[1]).split(
    "\n",
  );
  assert.ok(lines.includes('dhcp-boot=tag:!uefi,"tag:known",,192.168.1.60'));
  assert.ok(lines.includes('dhcp-boot=tag:uefi,"http://192.168.1.60/boot.efi?a=1",,192.168.1.60'));
  assert.ok(
    lines.includes(
      `dhcp-option-force=60,${Buffer.from(text)
        .toString("hex")
        .replaceAll(/..(?=.)/g, "$&:")}`,
    ),
  );
  assert.ok(lines.includes("dhcp-option-force=200,7b"));
  assert.ok(lines.includes("dhcp-option-force=150,192.168.1.60,192.168.1.61"));
});

test("whatever validates, dnsmasq takes", () => {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-options-"));
  const type = fc.constantFrom("text", "addresses", "number8", "number16", "number32", "bytes");
  const value = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom("10.0.0.1", "10.0.0.1,10.0.0.2", "0", "7", "300", "70000", "01", "12:34", "de:ad:be:ef", "fe80::1"),
  );
  const file = fc.oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom("tag:a", "net:a", "pxelinux.0"));
  const boot = fc.record(
    { server: fc.constant("192.168.1.60"), file, uefiFile: file },
    { requiredKeys: ["server", "file"] },
  );
  const option = fc.record({ number: fc.integer({ min: 2, max: 254 }), type, value });
  let looked = 0;
  try {
    fc.assert(
      fc.property(fc.option(boot, { nil: undefined }), fc.array(option, { maxLength: 3 }), (wanted, options) => {
        const operation = operationOf({ ...(wanted === undefined ? {} : { boot: wanted }), options });
        if (operation === undefined) return;
        looked += 1;
        const config = join(folder, "dnsmasq.conf");
        writeFileSync(
          config,
          renderDnsmasq(operation, { run: folder, data: folder } as Parameters<typeof renderDnsmasq>[1]),
        );
        const { status, stderr } = spawnSync("dnsmasq", ["--test", `--conf-file=${config}`], { encoding: "utf8" });
        assert.is(status, 0, `${stderr}${JSON.stringify({ wanted, options })}`);
      }),
      { numRuns: 300 },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  assert.ok(looked > 30, String(looked));
});

test.run();
