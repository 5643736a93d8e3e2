// SPDX-License-Identifier: Apache-2.0
// What the LAN learns of the gateway by SNMP and LLDP, with the real snmpd and lldpd behind the real firewall: gateway, LAN and a
// segment as network namespaces.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import type { LldpOperation, SnmpOperation } from "../../src/protocol/operations.ts";
import { firewallOf } from "../support/firewall.ts";
import { hasNamespaces, hasUsers, runInNamespaces } from "../support/namespaces.ts";

const CARRY_OUT = fileURLToPath(new URL("../support/carryOut.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const SAID = { hostname: "gateway", version: "1.2.3" };
const SNMP: SnmpOperation = { kind: "snmp", community: "s3cr#t!", location: "rack 3", contact: "", ...SAID };
const LLDP: LldpOperation = { kind: "lldp", port: "eth0", face: "eth0", ...SAID };

const SETUP = [
  "mount -t tmpfs tmpfs /run",
  // A user namespace has one user only: root. It makes no difference to what is said.
  "for file in passwd group; do cp /etc/$file /run/; done; echo snmp:x:0:0::/run:/bin/false >>/run/passwd",
  "echo snmp:x:0: >>/run/group; for file in passwd group; do mount --bind /run/$file /etc/$file; done",
  "ip link set lo up; wire() { ip link add $2 type veth peer name e netns $1; ip link set $2 up; ip address add $3 dev $2; }",
  "end() { ip netns add $1; wire $1 $3 $4; ip -n $1 link set e up; ip -n $1 address add $2 dev e; }",
  "end lan 192.168.77.1/24 eth0 192.168.77.2/24; end station 10.143.0.20/24 seg0 10.143.0.1/24",
  `cd ${root}; set_it() { node --import tsx ${CARRY_OUT} "$@"; }; export MIBS=`,
  "ask() { ip netns exec $1 snmpget -v2c -t 1 -r $4 -Oqv -c $2 $3 1.3.6.1.2.1.1.1.0 1.3.6.1.2.1.1.5.0 1.3.6.1.2.1.1.6.0 2>&1; }",
  "trap 'kill $(cat /run/scsigate/snmpd.pid /run/lldpd.pid 2>/dev/null) 2>/dev/null; true' EXIT",
].join("\n");

function run(document: object, lines: string[], users = false): string[] {
  const rules = renderFirewall(
    firewallOf({ segments: [{ name: "seg0" }], ...document }, { seg0: "10.143.0.1/24" }, {}),
  );
  return runInNamespaces(`${SETUP}\nnft -f - <<'END'\n${rules}END\n${lines.join("\n")}\n`, users).said;
}

const monitoring = suite("SNMP and LLDP on the LAN");
const has = (...programs: string[]) => programs.every((name) => spawnSync("which", [name]).status === 0);
const test = hasNamespaces && has("snmpd", "snmpget") ? monitoring : monitoring.skip;

test("who knows the community reads name and counters, and writes nothing; others, and a segment, get no answer", () => {
  const snmp = { enabled: true, community: "s3cr#t!" };
  const count = "1.3.6.1.2.1.31.1.1.1.6"; // ifHCInOctets
  const said = run({ snmp }, [
    `set_it '${JSON.stringify(SNMP)}'; set_it '${JSON.stringify(SNMP)}'`,
    "ask lan 's3cr#t!' 192.168.77.2 8",
    "ask lan public 192.168.77.2 0",
    "ask station 's3cr#t!' 10.143.0.1 0",
    `ip netns exec lan snmpwalk -v2c -Oqv -c 's3cr#t!' 192.168.77.2 1.3.6.1.2.1.31.1.1.1.1 | sort | paste -sd' '`,
    "index=$(ip -o link show seg0 | cut -d: -f1)",
    `octets() { ip netns exec lan snmpget -v2c -Oqv -c 's3cr#t!' 192.168.77.2 ${count}.$index; }; before=$(octets)`,
    "ip netns exec station ping -q -c 3 -s 1000 10.143.0.1 >/dev/null",
    // What snmpd knows of interfaces is 15 seconds old at most.
    "for i in {1..60}; do [ $(octets) -ge $((before + 3000)) ] && break; sleep 0.5; done; [ $(octets) -ge $((before + 3000)) ] && echo counted",
    "ip netns exec lan snmpset -v2c -c 's3cr#t!' 192.168.77.2 1.3.6.1.2.1.1.6.0 s elsewhere >/dev/null 2>&1 || echo refused",
    `set_it '${JSON.stringify(SNMP)}' '{"hostname":"renamed"}'; ask lan 's3cr#t!' 192.168.77.2 8 | grep renamed`,
    `set_it '{"kind":"snmp","location":"","contact":"","hostname":"gateway","version":"1"}'; ls /run/scsigate`,
  ]);
  const silence = (address: string) => `Timeout: No Response from ${address}.`;
  assert.equal(said, [
    ...["changed", "as it was", '"scsigate 1.2.3"', '"gateway"', '"rack 3"'],
    ...[silence("192.168.77.2"), silence("10.143.0.1"), '"eth0" "lo" "seg0"', "counted", "refused"],
    ...["changed", '"renamed"', "changed"],
  ]);
});

test("switched off in the configuration, the port is closed", () => {
  const said = run({}, [`set_it '${JSON.stringify(SNMP)}'`, "ask lan 's3cr#t!' 192.168.77.2 0; true"]);
  assert.equal(said, ["changed", "Timeout: No Response from 192.168.77.2."]);
});

// lldpd gives its rights away for good, and gets them back from nobody.
const cable = hasUsers && has("lldpd", "tcpdump") ? monitoring : monitoring.skip;
cable("the other end of the cable is told name, version and the LAN's address, and a segment nothing", () => {
  const heard = [
    "listen() { ip netns exec $1 timeout 120 tcpdump -Z root -c 1 -vnni e ether proto 0x88cc 2>/dev/null; }",
    "listen lan >/run/lan & lan=$!; listen station >/run/station & station=$!; sleep 1",
    // It takes its title when it has gone into the background.
    "title() { for i in {1..200}; do said=$(tr -d '\\0' 2>/dev/null </proc/$(cat /run/lldpd.pid)/cmdline); [[ $said == lldpd:* ]] && break; sleep 0.1; done; echo $said; }",
  ];
  const said = run(
    {},
    [
      ...heard,
      `set_it '${JSON.stringify(LLDP)}'; set_it '${JSON.stringify(LLDP)}'`,
      "wait $lan; cat /run/lan >&2; grep -oE 'gateway|scsigate 1.2.3|192.168.77.2|10.143.0.1|Linux|Subtype Interface Name .*' /run/lan; kill $station",
      "wc -c </run/station",
      `set_it '${JSON.stringify(LLDP)}' '{"hostname":"renamed"}'; title`,
      "kill -9 $(cat /run/lldpd.pid); while [ -e /proc/$(cat /run/lldpd.pid)/exe ]; do sleep 0.1; done",
      `set_it '${JSON.stringify(LLDP)}' '{"hostname":"renamed"}'`,
      `set_it '{"kind":"lldp","face":"eth0","hostname":"gateway","version":"1"}'; ls -A /run/scsigate`,
    ],
    true,
  );
  assert.equal(said, [
    ...["changed", "as it was", "gateway", "scsigate 1.2.3", "192.168.77.2", "0"],
    ...["changed", "lldpd: monitor.", "changed", "changed"],
  ]);
});

monitoring.run();
