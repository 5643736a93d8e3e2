// SPDX-License-Identifier: Apache-2.0
// The gateway's name on the LAN, with the real avahi-daemon behind the real firewall: gateway, LAN and a segment as
// network namespaces.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import type { MdnsOperation } from "../../src/protocol/operations.ts";
import { firewallOf } from "../support/firewall.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const script = (name: string) => fileURLToPath(new URL(`../support/${name}.ts`, import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const OPERATION: MdnsOperation = {
  ...{ kind: "mdns", hostname: "gateway", interfaces: ["eth0"], ports: { http: 80, https: 443 } },
  ...{ id: "525400123456", version: "1.2.3" },
};

const SETUP = [
  // Of its own: where avahi-daemon keeps its number, and what it announces, as a link as in the image.
  "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /etc/avahi; mkdir /etc/avahi/services",
  "ln -s /run/scsigate/avahi/scsigate.service /etc/avahi/services/",
  // A user namespace has one user only: avahi is root here. It makes no difference to what it says.
  "for file in passwd group; do sed 's/^avahi:x:[0-9:]*/avahi:x:0:0:/' /etc/$file >/run/$file; done",
  "sed -i 's/^avahi:.*/avahi:x:0:/' /run/group; for file in passwd group; do mount --bind /run/$file /etc/$file; done",
  "program=$(command -v avahi-daemon); mkdir /run/bin; PATH=/run/bin:$PATH",
  "printf '#!/bin/sh\\nexec %s --no-drop-root \"$@\"\\n' $program >/run/bin/avahi-daemon; chmod +x /run/bin/avahi-daemon",
  "ip link set lo up; now='echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'; eval \"$now\"",
  "wire() { ip link add $2 type veth peer name e netns $1; ip link set $2 up; ip address add $3 dev $2; }",
  'other() { ip netns add $1; ip netns exec $1 bash -c "$now"; }',
  "end() { ip -n $1 link set lo up; ip -n $1 link set e up; ip -n $1 address add $2 dev e; }",
  "other lan; wire lan eth0 192.168.77.2/24; end lan 192.168.77.1/24; ip address add fd77::2/64 dev eth0",
  "other station; wire station seg0 10.143.0.1/24; end station 10.143.0.20/24",
  `cd ${root}; run="node --import tsx"`,
  `ask() { ip netns exec $1 $run ${script("mdnsQuery")} e $2 $3 $4 $5 $\{6:-20}; }`,
  `set_mdns() { $run ${script("carryOut")} '${JSON.stringify(OPERATION)}' "$@"; }`,
  "named() { tr -d '\\0' </proc/$(cat /run/avahi-daemon/pid)/cmdline; echo; }",
  'until_named() { for i in {1..200}; do [[ $(named 2>/dev/null) == *"running [$1]" ]] && break; sleep 0.1; done; named; }',
  "trap 'kill $(cat /run/avahi-daemon/pid) 2>/dev/null' EXIT",
].join("\n");

function run(document: object, lines: string[]): string[] {
  const rules = renderFirewall(
    firewallOf({ segments: [{ name: "seg0" }], ...document }, { seg0: "10.143.0.1/24" }, {}),
  );
  return runInNamespaces(`${SETUP}\nnft -f - <<'END'\n${rules}END\n${lines.join("\n")}\n`).said;
}

const mdns = suite("name on the LAN");
const hasAvahi = spawnSync("avahi-daemon", ["--version"]).status === 0;
const test = hasNamespaces && hasAvahi ? mdns : mdns.skip;

test("the LAN finds name, address and page by IPv4 and IPv6; a segment hears nothing", () => {
  const said = run({}, [
    "set_mdns",
    "ask lan 192.168.77.1 4 A gateway.local",
    "ask lan 192.168.77.1 6 AAAA gateway.local",
    "ask lan 192.168.77.1 4 PTR _https._tcp.local",
    "ask lan 192.168.77.1 4 PTR _http._tcp.local",
    "ask lan 192.168.77.1 4 SRV gateway._https._tcp.local",
    "ask lan 192.168.77.1 4 TXT gateway._https._tcp.local",
    "ask station 10.143.0.20 4 A gateway.local 2",
    "ask station 10.143.0.20 6 AAAA gateway.local 2",
    "set_mdns",
  ]);
  const text = "id=525400123456 path=/ product=scsigate version=1.2.3";
  const services = ["gateway._https._tcp.local", "gateway._http._tcp.local", "gateway.local:443", text];
  const found = ["192.168.77.2", `fd77${"0".repeat(27)}2`, ...services];
  assert.equal(said, ["changed", ...found, "silence", "silence", "as it was"]);
});

test("it goes along with a new name, a new address, an interface that went and came back, and its own death", () => {
  const said = run({}, [
    "set_mdns; ask lan 192.168.77.1 4 A gateway.local",
    `set_mdns '{"hostname":"renamed"}'`,
    "ask lan 192.168.77.1 4 A renamed.local",
    "ask lan 192.168.77.1 4 A gateway.local 2",
    "ip address del 192.168.77.2/24 dev eth0; ip address add 192.168.77.9/24 dev eth0",
    "for i in {1..20}; do answer=$(ask lan 192.168.77.1 4 A renamed.local 2); [ $answer = 192.168.77.9 ] && break; done",
    "echo $answer",
    "ip link del eth0; wire lan eth0 192.168.77.2/24; end lan 192.168.77.1/24",
    "ask lan 192.168.77.1 4 A renamed.local",
    'kill -9 $(cat /run/avahi-daemon/pid); while named >/dev/null 2>&1 && [ -n "$(named)" ]; do sleep 0.1; done',
    `set_mdns '{"hostname":"renamed"}'`,
    "ask lan 192.168.77.1 4 A renamed.local",
    `set_mdns '{"interfaces":[]}'`,
    "ask lan 192.168.77.1 4 A renamed.local 2",
  ]);
  assert.equal(said, [
    ...["changed", "192.168.77.2", "changed", "192.168.77.2", "silence", "192.168.77.9", "192.168.77.2"],
    ...["changed", "192.168.77.2", "changed", "silence"],
  ]);
});

test("of two gateways with the same name, the second is found by another one, and says so", () => {
  const said = run({}, [
    "set_mdns; until_named gateway.local",
    // The other gateway, on the LAN's side of the wire.
    "sed s/eth0/e/ /run/scsigate/avahi/avahi-daemon.conf >/run/other.conf",
    "unshare -m bash -c 'mount -t tmpfs t /run/avahi-daemon; ip netns exec lan avahi-daemon -f /run/other.conf --no-chroot -D;",
    '  for i in {1..200}; do name=$(tr -d "\\0" </proc/$(cat /run/avahi-daemon/pid)/cmdline);',
    "  [[ $name == *running*gateway-2* ]] && break; sleep 0.1; done; echo $name; kill $(cat /run/avahi-daemon/pid)'",
  ]);
  assert.equal(said, ["changed", "avahi-daemon: running [gateway.local]", "avahi-daemon: running [gateway-2.local]"]);
});

test("switched off in the firewall, nothing comes through", () => {
  const said = run({ mdns: { enabled: false } }, ["set_mdns", "ask lan 192.168.77.1 4 A gateway.local 2"]);
  assert.equal(said, ["changed", "silence"]);
});

mdns.run();
