// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";

const A = "02:11:22:33:44:0a";
const B = "02:11:22:33:44:0b";

/** Paths of what is wrong. */
function wrong(stations: unknown, segment: object = {}): string[] {
  const result = validate({ version: 1, segments: [{ name: "seg0", ...segment, stations }] });
  if (result.valid) return [];
  assert.ok(result.errors.every(({ message, nextStep }) => message.length > 5 && nextStep.length > 5));
  return result.errors.map(({ path }) => path.replace("/segments/0/stations/", ""));
}

const NAME = "iqn.2026-11.org.scsigate:station-a";
const ISCSI = { fabric: { type: "iscsi", target: "iqn.2026-11.org.scsigate:seg0", initiators: [NAME] } };
const WWPN = "21:00:00:24:ff:65:43:21";
const fibre = (more: object) => ({ fabric: { type: "qla2xxx", port: "21:00:00:24:ff:12:34:56", ...more } });

const SUBNET = { ipv4: { address: "10.143.0.1/24" } };

const CASES: [string, unknown, string[], object?][] = [
  ["nothing but an address", [{ address: A }], []],
  ["everything", [{ address: A, name: "node-1", ipv4: "10.143.0.40", access: "block" }], [], SUBNET],
  ["any address while the subnet is chosen", [{ address: A, ipv4: "192.168.5.5" }], []],
  ["no address", [{ name: "x" }], ["0"]],
  ["an initiator of the access list", [{ initiator: NAME, name: "x", access: "block" }], [], ISCSI],
  ["a port name of the access list", [{ initiator: WWPN }], [], fibre({ initiators: [WWPN] })],
  ["an initiator that nobody lets in", [{ initiator: `${NAME}x` }], ["0/initiator"], ISCSI],
  ["an initiator where everybody is let in", [{ initiator: WWPN }], ["0/initiator"], fibre({ open: true })],
  ["an initiator where nothing proves it", [{ initiator: NAME }], ["0/initiator"], { fabric: { type: "loop" } }],
  ["an initiator and nothing exported", [{ initiator: NAME }], ["0/initiator"]],
  ["an initiator with a line end", [{ initiator: `${NAME}\n` }], ["0/initiator"], ISCSI],
  ["an address and an initiator", [{ address: A, initiator: NAME }], ["0/initiator"], ISCSI],
  ["the same initiator twice", [{ initiator: NAME }, { initiator: NAME, name: "x" }], ["1/initiator"], ISCSI],
  ["capital letters", [{ address: A.toUpperCase() }], ["0/address"]],
  ["a range of addresses", [{ address: "02:*" }], ["0/address"]],
  ["a name with markup", [{ address: A, name: "<b>" }], ["0/name"]],
  ["a name with a line end", [{ address: A, name: "a\ndhcp-script=/x" }], ["0/name"]],
  ["the gateway's name", [{ address: A, name: "SCSIgate" }], ["0/name"]],
  ["a name that ends in a hyphen", [{ address: A, name: "a-" }], ["0/name"]],
  ["an access that there is not", [{ address: A, access: "deny" }], ["0/access"]],
  ["a surplus key", [{ address: A, mac: A }], ["0/mac"]],
  ["the same station twice", [{ address: A }, { address: A, name: "x" }], ["1/address"]],
  [
    "the same name twice",
    [
      { address: A, name: "node" },
      { address: B, name: "NODE" },
    ],
    ["1/name"],
  ],
  [
    "the same address twice",
    [
      { address: A, ipv4: "10.1.1.1" },
      { address: B, ipv4: "10.1.1.1" },
    ],
    ["1/ipv4"],
  ],
  ["an address of another subnet", [{ address: A, ipv4: "10.144.0.40" }], ["0/ipv4"], SUBNET],
  ["the gateway's address", [{ address: A, ipv4: "10.143.0.1" }], ["0/ipv4"], SUBNET],
  ["the subnet's last address", [{ address: A, ipv4: "10.143.0.255" }], ["0/ipv4"], SUBNET],
  ["an impossible address", [{ address: A, ipv4: "10.143.0.300" }], ["0/ipv4"], SUBNET],
];
for (const [what, stations, paths, segment] of CASES) {
  test(`a station with ${what}`, () => assert.equal(wrong(stations, segment), paths));
}

test.run();
