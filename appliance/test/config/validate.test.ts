// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { renderConfigurationDocs } from "../../scripts/renderDocs.ts";
import { salvage } from "../../src/config/load.ts";
import { defaultConfig, validate } from "../../src/config/validate.ts";

const LAB_CONFIG = {
  version: 1,
  hostname: "gateway",
  mode: "routed",
  lan: { interface: "auto", ipv4: { method: "dhcp" } },
  storage: { interface: "eth1", ipv4: { method: "static", address: "10.0.2.15/24" } },
  segments: [
    {
      name: "seg0",
      ipv4: { address: "10.143.0.1/24" },
      dhcp: { enabled: true },
      fabric: {
        type: "iscsi",
        target: "iqn.2026-11.org.scsigate:seg0",
        portals: ["0.0.0.0:3260"],
        initiators: ["iqn.2026-11.org.scsigate:station-a"],
      },
    },
  ],
  mqtt: { enabled: true, url: "mqtt://10.0.2.2:1883", intervalSeconds: 5 },
};

/** The first error of a document, as "path: message". */
function firstError(document: unknown): string {
  const result = validate(document);
  if (result.valid) return "valid";
  const [error] = result.errors;
  assert.ok(error && error.nextStep.length > 5, "an error has a next step");
  return `${error.path}: ${error.message}`;
}

/** The lab's document with one value replaced. */
function changed(path: string, value: unknown): unknown {
  const document: unknown = structuredClone(LAB_CONFIG);
  const keys = path.split("/").slice(1);
  const last = keys.pop() ?? "";
  let parent = document as Record<string, unknown>;
  for (const key of keys) parent = parent[key] as Record<string, unknown>;
  parent[last] = value;
  return document;
}

test("the smallest document gets all defaults", () => {
  const config = defaultConfig();
  assert.is(config.hostname, "scsigate");
  assert.equal(config.lan, { interface: "auto", ipv4: { method: "dhcp" } });
  assert.equal(config.segments, [
    {
      ...{ name: "seg0", ipv4: { address: "auto" }, ipv6: { enabled: false, address: "auto" } },
      ...{ dhcp: { enabled: true, leaseSeconds: 3600, options: [] }, stations: [], fabric: { type: "none" } },
      driverDisk: true,
    },
  ]);
  assert.equal(config.http, { port: 80, httpsPort: 443, publicHttpsPort: 443 });
  const { enabled, url, intervalSeconds } = config.mqtt;
  assert.equal({ enabled, url, intervalSeconds }, { enabled: false, url: "mqtt://127.0.0.1:1883", intervalSeconds: 5 });
});

test("the lab's document is valid, and defaults reach into branches", () => {
  const result = validate(LAB_CONFIG);
  assert.ok(result.valid);
  if (!result.valid) return;
  assert.equal(result.config.storage?.ipv4, { method: "static", address: "10.0.2.15/24", dns: [] });
  assert.is(result.config.segments[0]?.dhcp.leaseSeconds, 3600);
});

test("validation leaves the document alone", () => {
  const document = { version: 1 };
  validate(document);
  assert.equal(document, { version: 1 });
});

const PORT = "21:00:00:24:ff:12:34:56";
const GID = "0xfe800000000000000002c90300abcdef";
const FABRIC = LAB_CONFIG.segments[0]?.fabric;

const WRONG: [path: string, value: unknown, expected: string][] = [
  ["/version", 2, "/version: 2 is not allowed"],
  ["/hostname", "a b", '/hostname: "a b" does not have the right form'],
  ["/hostname", "-a", '/hostname: "-a" does not have the right form'],
  ["/mode", "magic", '/mode: "magic" is not allowed'],
  ["/lann", {}, "/lann: lann is not a setting"],
  ["/lan/interface", "a/../b", '/lan/interface: "a/../b" does not have the right form'],
  ["/lan/ipv4", { method: "static" }, "/lan/ipv4: address is missing"],
  ["/lan/ipv4", { method: "bootp" }, '/lan/ipv4/method: "bootp" is none of: dhcp, static, none'],
  [
    "/lan/ipv4",
    { method: "static", address: "10.0.0.300/24" },
    "/lan/ipv4/address: 10.0.0.300/24 is not an IPv4 address",
  ],
  ["/lan/ipv4", { method: "static", address: "10.9.0.0/24" }, "/lan/ipv4/address: 10.9.0.0/24 is the first or last"],
  [
    "/lan/ipv4",
    { method: "static", address: "10.9.0.2/24", gateway: "10.8.0.1" },
    "/lan/ipv4/gateway: 10.8.0.1 is not in the subnet",
  ],
  ["/storage/interface", "auto", "/storage/interface: the storage interface cannot be auto"],
  ["/segments/0/name", "Seg0", '/segments/0/name: "Seg0" does not have the right form'],
  ["/segments/0/name", "eth1", "/segments/0/name: eth1 is the name of an Ethernet interface"],
  ["/segments/0/ipv4/address", "10.0.2.1/24", "/segments/0/ipv4/address: 10.0.2.1/24 overlaps 10.0.2.15/24"],
  ["/segments/0/ipv4/address", "10.143.0.1/31", "/segments/0/ipv4/address: a /31 leaves no address"],
  ["/segments/0/ipv6", { address: "2001:db8:::1/64" }, "/segments/0/ipv6/address: 2001:db8:::1/64 is not an IPv6"],
  [
    "/segments/0/ipv6",
    { address: "2001:db8::1/48" },
    '/segments/0/ipv6/address: "2001:db8::1/48" does not have the right form',
  ],
  ["/segments/0/dhcp/leaseSeconds", 1, "/segments/0/dhcp/leaseSeconds: 1 is too small: 120 is the least"],
  ["/segments/0/fabric/initiators", [], "/segments/0/fabric/initiators: [] is empty: it takes an entry"],
  [
    "/segments/0/fabric/initiators/0",
    "iqn/../..",
    '/segments/0/fabric/initiators/0: "iqn/../.." does not have the right form',
  ],
  ["/segments/0/fabric/portals/0", "0.0.0.0:99999", "/segments/0/fabric/portals/0: 0.0.0.0:99999 is not"],
  [
    "/segments/0/fabric/type",
    "scsi",
    '/segments/0/fabric/type: "scsi" is none of: iscsi, qla2xxx, srpt, sbp, adapter, loop',
  ],
  ["/segments/0/fabric/open", true, "/segments/0/fabric/open: iscsi is reachable over a network"],
  [
    "/segments/0/fabric",
    { type: "srpt", port: GID, initiators: [GID], open: true },
    "/segments/0/fabric/open: srpt is reachable over a network",
  ],
  ["/segments/0/fabric", { type: "qla2xxx", port: PORT }, "/segments/0/fabric/initiators: nobody may use the segment"],
  [
    "/segments/0/fabric",
    { type: "qla2xxx", port: PORT, open: true, initiators: [PORT] },
    "/segments/0/fabric/initiators: an open port admits every host",
  ],
  [
    "/segments/0/fabric",
    { type: "qla2xxx", port: "21:00" },
    '/segments/0/fabric/port: "21:00" does not have the right form',
  ],
  ["/segments/0/fabric", { type: "sbp", port: "0011223344556677" }, "/segments/0/fabric/open: the kernel's FireWire"],
  ["/segments/0/fabric/authentication", "chap", "/segments/0/fabric/authentication: chap is asked for"],
  ["/segments/0/fabric", { ...FABRIC, authentication: "plain" }, '/segments/0/fabric/authentication: "plain" is not'],
  ["/chap", { password: "short" }, "/chap/password: the secret does not have the right form"],
  ["/chap", { password: "NULL-and-more-of-it" }, "/chap/password: the secret does not have the right form"],
  ["/chap", { user: "a b" }, '/chap/user: "a b" does not have the right form'],
  [
    "/chap",
    { password: "the-same-for-both", gatewayPassword: "the-same-for-both" },
    "/chap/gatewayPassword: it is the hosts' password, too",
  ],
  ["/time", { zone: "Mars/Olympus" }, "/time/zone: Mars/Olympus is not a time zone"],
  ["/time", { zone: "../../etc/passwd" }, '/time/zone: "../../etc/passwd" does not have the right form'],
  ["/segments/1", LAB_CONFIG.segments[0], "/segments/1/name: there are two segments named seg0"],
  ["/firewall", { management: ["wan"] }, '/firewall/management/0: "wan" is not allowed'],
  ["/firewall", { managementSources: ["300.1.1.1"] }, "/firewall/managementSources/0: 300.1.1.1 is neither an address"],
  ["/firewall", { rules: [{ name: "x" }] }, "/firewall/rules/0: action is missing"],
  ["/firewall", { rules: [{ name: 'a"b', action: "drop" }] }, '/firewall/rules/0/name: "a\\"b" does not have'],
  ["/firewall", { rules: [{ name: "x", action: "drop", from: "seg9" }] }, "/firewall/rules/0/from: seg9 is neither"],
  ["/firewall", { rules: [{ name: "x", action: "drop", ports: ["1"] }] }, "/firewall/rules/0/ports: any has no ports"],
  [
    "/firewall",
    { rules: [{ name: "x", action: "drop", protocol: "tcp", ports: ["9-8"] }] },
    "/firewall/rules/0/ports/0: 9-8 is no range of ports",
  ],
  [
    "/firewall",
    { rules: [{ name: "x", action: "drop", sources: ["10.0.0.0/33"] }] },
    "/firewall/rules/0/sources/0: 10.0.0.0/33 is neither",
  ],
  [
    "/firewall",
    { portForwards: [{ port: 80, to: "10.143.0.9" }] },
    "/firewall/portForwards/0: mode routed forwards no ports",
  ],
  ["/http", { port: 443 }, "/http/httpsPort: port 443 is the plain HTTP port already"],
  ["/mqtt/url", "mqtt://user:secret@host", '/mqtt/url: "mqtt://user:secret@host" does not have the right form'],
  ["/mqtt/url", "http://host", '/mqtt/url: "http://host" does not have the right form'],
  ["/mqtt/intervalSeconds", 0, "/mqtt/intervalSeconds: 0 is too small: 1 is the least"],
  ["/mqtt/intervalSeconds", "5", '/mqtt/intervalSeconds: "5" is not a whole number'],
];

for (const [path, value, expected] of WRONG) {
  test(`${path} = ${JSON.stringify(value)?.slice(0, 40)} is an error that says where and what`, () => {
    assert.ok(firstError(changed(path, value)).startsWith(expected), firstError(changed(path, value)));
  });
}

test("mode proxy takes a part of the LAN's subnet, and cannot choose it by itself", () => {
  assert.match(firstError({ version: 1, mode: "proxy" }), "/segments/0/ipv4/address: mode proxy cannot choose");
  const lan = { ipv4: { method: "static", address: "192.168.1.2/24" } };
  const segments = [{ name: "seg0", ipv4: { address: "192.168.1.225/28" } }];
  assert.is(firstError({ version: 1, mode: "proxy", lan, segments }), "valid");
  assert.match(firstError({ version: 1, lan, segments }), "overlaps");
});

test("CHAP: what a segment asks for must be set, and no more", () => {
  const segments = (authentication: string) => [{ name: "seg0", fabric: { ...FABRIC, authentication } }];
  const oneWay = { user: "stations", password: "correct-horse" };
  const both = { ...oneWay, gatewayUser: "gateway", gatewayPassword: "battery-staple" };
  const first = (authentication: string, chap: object) =>
    firstError({ version: 1, segments: segments(authentication), chap });
  assert.is(first("none", {}), "valid");
  assert.is(first("chap", oneWay), "valid");
  assert.match(first("mutual", oneWay), "chap.gatewayUser and chap.gatewayPassword are not set");
  assert.is(first("mutual", both), "valid");
});

test("a port leads to one segment", () => {
  const fabric = { type: "qla2xxx", port: PORT, open: true };
  const segments = ["seg0", "seg1"].map((name) => ({ name, fabric }));
  assert.match(firstError({ version: 1, segments }), `/segments/1/fabric/port: another segment uses ${PORT}`);
});

test("a time zone is one of the IANA list; what it may have been meant to be is told", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+5"]) {
    assert.is(firstError({ version: 1, time: { zone } }), "valid", zone);
  }
  const hint = (zone: string) => {
    const result = validate({ version: 1, time: { zone } });
    return result.valid ? "" : result.errors[0]?.nextStep;
  };
  assert.is(hint("Europe/berlin"), "Did you mean Europe/Berlin?");
  assert.is(hint("Germany/Berlin"), "Did you mean Europe/Berlin?");
});

test("a mistyped key gets a suggestion", () => {
  const result = validate({ version: 1, hostnme: "x" });
  assert.ok(!result.valid && result.errors[0]?.nextStep.includes('"hostname"'));
});

test("all errors are told, not only the first", () => {
  const result = validate({ version: 1, hostname: "a b", mqtt: { intervalSeconds: 0 }, mode: "x" });
  assert.ok(!result.valid && result.errors.length === 3);
});

test("what was to be encrypted does not go in the clear because its settings are invalid", () => {
  const peer = { address: "10.20.0.5", publicKey: "not a key" };
  const extend = { vni: 7, peers: ["10.20.0.5"] };
  const { config, source } = salvage({
    ...LAB_CONFIG,
    mode: "mesh",
    mesh: { key: "0123456789abcdef", peers: ["10.20.0.5"], accept: ["203.0.113.0/24"] },
    encryption: { peers: [peer] },
    segments: [
      { name: "bad", fabric: { type: "iscsi", target: "x", initiators: [] } },
      LAB_CONFIG.segments[0],
      { name: "seg1", ipv4: { address: "10.151.0.1/24" }, extend },
    ],
  });
  assert.is(source, "file");
  assert.equal(config.mesh.peers, []);
  assert.equal(config.mesh.accept, ["203.0.113.0/24"]);
  assert.equal(
    config.segments.map(({ name }) => name),
    ["seg0"],
  );
});

test("what is valid of an invalid document is used", () => {
  const { config, errors, source } = salvage({
    ...LAB_CONFIG,
    hostname: "not a name",
    segments: [LAB_CONFIG.segments[0], { name: "seg1", fabric: { type: "iscsi", target: "x", initiators: [] } }],
  });
  assert.is(source, "file");
  assert.is(config.hostname, "scsigate");
  assert.equal(
    config.segments.map((segment) => segment.name),
    ["seg0"],
  );
  assert.is(config.storage?.interface, "eth1");
  assert.ok(errors.length >= 2);
});

test("property: any JSON is either valid or explained, and never throws", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (document) => {
      const result = validate(document);
      if (!result.valid) assert.ok(result.errors.length > 0 && result.errors.every((error) => error.nextStep !== ""));
    }),
  );
});

test("property: whatever one value becomes, the gateway has a valid configuration", () => {
  const paths = [
    "/version",
    "/hostname",
    "/lan",
    "/lan/ipv4",
    "/storage",
    "/storage/ipv4",
    "/segments",
    "/segments/0",
    "/segments/0/ipv4",
    "/segments/0/fabric",
    "/segments/0/fabric/portals",
    "/http",
    "/mqtt",
    "/mqtt/url",
  ];
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const { config, errors } = salvage(changed(path === "/http" ? "/http" : path, value));
      const again = validate(config);
      assert.ok(again.valid, JSON.stringify(again));
      // Nothing is exported that the document does not fully and validly describe.
      if (errors.some((error) => error.path.startsWith("/segments/0"))) {
        assert.ok(!config.segments.some((segment) => segment.fabric.type === "iscsi"));
      }
    }),
    { numRuns: 300 },
  );
});

test("every property of the schema has a description", () => {
  const schema: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, "../../schema/config.schema.json"), "utf8"),
  );
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    const record = node as Record<string, unknown>;
    for (const [key, property] of Object.entries(
      (record["properties"] ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      const described = property["description"] ?? property["$ref"] ?? property["const"];
      assert.ok(described !== undefined, `${path}/${key} has no description`);
      walk(property, `${path}/${key}`);
    }
    for (const key of ["items", "definitions"]) walk(record[key], path);
  };
  walk(schema, "");
});

test("the documentation page is what the schema says (else: npm run docs -w appliance)", () => {
  const file = (path: string) => readFileSync(join(import.meta.dirname, "../../..", path), "utf8");
  assert.is(
    file("docs/configuration.md"),
    renderConfigurationDocs(JSON.parse(file("appliance/schema/config.schema.json"))),
  );
});

test.run();
