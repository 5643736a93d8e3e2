// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";

/** What is wrong with a document. */
function complaints(document: object): string[] {
  const result = validate({ version: 1, ...document });
  return result.valid ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

const HOST = "iqn.2026-11.org.example:host";
const KEY = `ssh-ed25519 ${Buffer.from(`\0\0\0\x0bssh-ed25519\0\0\0\x20${"k".repeat(32)}`).toString("base64")}`;

function iscsi(name: string, portal: string): object {
  const target = `iqn.2026-11.org.scsigate:${name}`;
  return { name, fabric: { type: "iscsi", target, portals: [portal], initiators: [HOST] } };
}

test("each port has one owner", () => {
  assert.equal(complaints({ http: { port: 8443, httpsPort: 8443 } }), [
    "/http/httpsPort: port 8443 is the plain HTTP port already",
  ]);
  assert.equal(complaints({ ssh: { enabled: true, port: 443, keys: [KEY] } }), [
    "/ssh/port: port 443 is the page's already",
  ]);
  assert.equal(complaints({ ssh: { port: 443 } }), []);
  assert.equal(complaints({ segments: [iscsi("seg0", "10.0.0.1:443")] }), [
    "/segments/0/fabric/portals/0: port 443 is the page's already",
  ]);
  assert.equal(complaints({ segments: [iscsi("seg0", "10.0.0.1:3260"), iscsi("seg1", "10.0.0.1:3260")] }), []);
});

test("the page has no port that the service cannot listen on", () => {
  assert.equal(complaints({ http: { port: 80, httpsPort: 443 } }), []);
  for (const port of [1, 22, 79]) {
    assert.match(complaints({ http: { port } }).join(), `/http/port: the page cannot have port ${port}`);
    assert.match(
      complaints({ http: { httpsPort: port } }).join(),
      `/http/httpsPort: the page cannot have port ${port}`,
    );
  }
});

test("a port is forwarded to a segment, or to what is behind a router there, as far as the document tells", () => {
  const forward = (to: string, segments: object[], more: object = {}) =>
    complaints({ mode: "nat", segments, firewall: { portForwards: [{ port: 81, to }] }, ...more });
  const fixed = [{ name: "seg0", ipv4: { address: "10.143.0.1/24" } }];
  assert.equal(forward("10.143.0.9", fixed), []);
  assert.equal(forward("8.8.8.8", fixed), [
    "/firewall/portForwards/0/to: 8.8.8.8 is on no segment, and behind no router",
  ]);
  assert.equal(forward("8.8.8.8", [{ name: "seg0" }]), [], "a subnet that is chosen");
  assert.equal(forward("10.9.0.9", fixed, { routes: [{ destination: "10.9.0.0/16", via: "10.143.0.9" }] }), []);
});

test("a port forward takes nothing away that the LAN is to reach", () => {
  const forward = (port: number, rest: object = {}, protocol = "tcp") =>
    complaints({ mode: "nat", firewall: { portForwards: [{ protocol, port, to: "10.143.0.9" }], ...rest } });
  for (const port of [80, 443]) {
    assert.match(forward(port).join(), `/firewall/portForwards/0/port: tcp port ${port} is`);
    assert.equal(forward(port, {}, "udp"), []);
    assert.equal(forward(port, { management: ["storage"] }), []);
  }
  assert.equal(forward(22), []);
  const withSsh = { mode: "nat", ssh: { enabled: true, keys: [KEY] } };
  const forwards = { portForwards: [{ protocol: "tcp", port: 22, to: "10.143.0.9" }] };
  assert.match(complaints({ ...withSsh, firewall: forwards }).join(), "that of SSH");
  const agent = {
    snmp: { enabled: true, community: "s3cret" },
    firewall: { portForwards: [{ ...forwards.portForwards[0], protocol: "udp", port: 161 }] },
  };
  assert.match(complaints({ mode: "nat", ...agent }).join(), "that of SNMP");
  const storage = { interface: "eth1", ipv4: { method: "dhcp" } };
  const target = { mode: "nat", segments: [iscsi("seg0", "0.0.0.0:3260")] };
  const taken = { portForwards: [{ protocol: "tcp", port: 3260, to: "10.143.0.9" }] };
  assert.match(complaints({ ...target, firewall: taken }).join(), "that of seg0's iSCSI target");
  assert.equal(complaints({ ...target, lan: { interface: "eth0" }, storage, firewall: taken }), []);
});

test.run();
