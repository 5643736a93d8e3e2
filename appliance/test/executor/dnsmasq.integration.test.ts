// SPDX-License-Identifier: Apache-2.0
// DHCP and DNS of a segment with the real dnsmasq and real clients, in network namespaces.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderDnsmasq, reverseZones } from "../../src/executor/operations/dhcp.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import type { DnsmasqOperation } from "../../src/protocol/operations.ts";
import { parseInterface } from "../../src/shared/ipv4.ts";
import { DNSMASQ } from "../support/dnsmasq.ts";
import { firewallOf, loadable } from "../support/firewall.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const servers = suite("DHCP and DNS of a segment");
const test = hasNamespaces ? servers : servers.skip;

/** A gateway with a LAN whose name server knows a printer, and two stations. @returns what each line said */
function run(...lines: string[]): string[] {
  return runWith({}, ...lines);
}

const HOSTS = [{ address: "02:11:22:33:44:0a", ipv4: "10.143.0.40", name: "node-1" }];

function runWith(more: Partial<DnsmasqOperation>, ...lines: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-dnsmasq-"));
  mkdirSync(join(folder, "scsigate/leases"), { recursive: true });
  writeFileSync(join(folder, "resolv.conf"), "nameserver 192.168.77.1\n");
  const paths = { run: folder, data: join(folder, "data") } as Parameters<typeof renderDnsmasq>[1];
  writeFileSync(join(folder, "seg0.conf"), renderDnsmasq({ ...DNSMASQ, hosts: HOSTS, ...more }, paths));
  writeFileSync(join(folder, "lease"), '#!/bin/sh\n[ "$1" != bound ] || echo "$ip"\n', { mode: 0o755 });
  const setup = [
    `leases=${folder}/scsigate/leases/seg0.leases`,
    "mount -t tmpfs tmpfs /run; ip link set lo up; ip link add seg0 type bridge; ip link set seg0 up",
    "ip netns add lan; ip link add eth0 type veth peer name e netns lan; ip link set eth0 up",
    "ip address add 192.168.77.2/24 dev eth0; ip -n lan address add 192.168.77.1/24 dev e",
    "ip -n lan link set lo up; ip -n lan link set e up; ip address add 10.143.0.1/24 dev seg0",
    "for s in a b; do ip netns add $s; ip link add p$s type veth peer name e netns $s; ip link set p$s master seg0 up; ip -n $s link set e up; done",
    // -d: there is no other user here than root to change to.
    "ip netns exec lan dnsmasq -d -C /dev/null --no-resolv --no-hosts --host-record=printer,192.168.77.50 >/dev/null 2>&1 & lan=$!",
    `dnsmasq -d --conf-file=${folder}/seg0.conf >/dev/null 2>&1 & own=$!; trap 'kill $lan $own' EXIT`,
    "for space in '' 'ip netns exec lan'; do until $space ss -Hlun sport = :53 | grep -q .; do sleep 0.1; done; done",
    // Of one client identifier, whoever asks.
    `ask() { ip netns exec $1 busybox udhcpc -i e -n -q -f -t 10 -T 1 -x 0x3d:0102030405 -s ${folder}/lease 2>/dev/null; }`,
    'name() { busybox nslookup $1 10.143.0.1 2>/dev/null | grep -cE "$2" || true; }',
  ];
  try {
    return runInNamespaces([...setup, ...lines].join("\n")).said;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("two stations that say the same client identifier get an address each, and keep it", () => {
  const [first, second, again] = run("ask a", "ask b", "ask a");
  assert.match(first ?? "", /^10\.143\.0\.\d+$/);
  assert.match(second ?? "", /^10\.143\.0\.\d+$/);
  assert.is.not(first, second);
  assert.is(again, first);
});

test("what the LAN's own servers know is asked there: short names, and private addresses", () => {
  assert.equal(
    run(
      "name printer 192.168.77.50",
      "name 192.168.77.50 'name = printer'",
      "name gateway.seg0.internal 'Address: 10.143.0.1$'",
    ),
    ["1", "1", "1"],
  );
});

test("nobody gets the name of somebody else by asking for it; a name that is free, they do", () => {
  const named =
    "called() { ip netns exec $1 busybox udhcpc -i e -n -q -f -t 10 -T 1 -x hostname:$2 -s /bin/true 2>/dev/null; }";
  const own = "ip -n a link set e address 02:11:22:33:44:0a";
  const other = "name gateway.seg0.internal 'Address: 10.143.0.1$'; name node-1.seg0.internal 'Address: 10.143.0.40$'";
  const said = run(
    `${named}; ${own}`,
    "called b gateway; called b gateway.seg0.internal; called b GATEWAY",
    "called b node-1; called a whatever",
    other,
    "name node-1.seg0.internal 'Address:' ; called b free; name free.seg0.internal 'Address: 10.143.0'",
  );
  // nslookup names its server, too
  assert.equal(said, ["1", "1", "2", "1"]);
});

test("an address that is kept for a station that was never seen is nobody's, whoever asks for it by name or number", () => {
  const ask = "called() { ip netns exec $1 busybox udhcpc -i e -n -q -f -t 10 -T 1 $2 $3 -s $lease 2>/dev/null; }";
  const hosts = [{ ipv4: "10.143.0.17", name: "node-2" }, { ipv4: "10.143.0.18" }, { name: "node-3" }];
  const said = runWith(
    // Of three addresses, two are kept.
    { hosts, range: ["10.143.0.16", "10.143.0.18"] },
    `lease=$(dirname $(dirname $(dirname $leases)))/lease; ${ask}`,
    "called a -r 10.143.0.17; called a -x hostname:node-2; called a -x hostname:10.143.0.18",
    "echo none left: $(called b -x hostname:node-2)",
  );
  assert.equal(said, ["10.143.0.16", "10.143.0.16", "10.143.0.16", "none left:"]);
});

test("names of the settings are answered here, and other servers asked in the place of the LAN's, over IPv6 too", () => {
  const dns = {
    servers: ["fd77::1"],
    records: [
      { name: "nas", address: "192.168.77.60" },
      { name: "boot.example.org", address: "2001:db8::60" },
    ],
  };
  const said = runWith(
    { dns },
    [
      "ip address add fd77::2/64 dev eth0 nodad; ip -n lan address add fd77::1/64 dev e nodad; until (exec 3<>/dev/tcp/fd77::1/53) 2>/dev/null; do sleep 0.1; done",
      // The LAN's own server tells another address by IPv4 alone: only IPv6 is asked.
      "ip -n lan address del 192.168.77.1/24 dev e",
      "name nas 192.168.77.60",
    ].join("; "),
    "name nas.seg0.internal 192.168.77.60",
    "name boot.example.org 2001:db8::60",
    "name 192.168.77.60 'name = nas'",
    "name printer 192.168.77.50",
  );
  assert.equal(said, ["1", "1", "1", "1", "1"]);
});

/** Asks for an address for each of so many others than itself, as a station could; all of it over one connection. */
const FORGES = `
const socket = require("node:dgram").createSocket("udp4");
const request = (number, length) => {
  const packet = Buffer.alloc(300);
  packet.set([1, 1, length, 0, 1, 2, 3, number]);
  packet.set(length === 6 ? [2, 255, 0, 0, 0, number] : [2, 255, 0, 0, 0, 1, number], 28);
  packet.set([99, 130, 83, 99, 53, 1, 3, 50, 4, 10, 143, 0, 100 + number, 255], 236);
  return packet;
};
socket.bind(68, "10.143.0.20", async () => {
  for (let number = 1; number <= 30; number++) {
    const length = number <= 15 ? 6 : 16;
    await new Promise((resolve) => socket.send(request(number, length), 67, "10.143.0.1", resolve));
  }
  socket.close();
});`;

test("one station that asks for many takes eight leases, and others get theirs", () => {
  const rules = renderFirewall(firewallOf({ segments: [{ name: "seg0" }] }, { seg0: "10.143.0.1/24" }, {}));
  const forge = 'ip -n a address add 10.143.0.20/24 dev e; ip netns exec a $node -e "$forges"';
  const count = "grep -c ' 02:ff:00:00:00' $leases; grep -vc ' 02:ff:00:00:00' $leases";
  const given = (...before: string[]) =>
    run(`node=${process.execPath}; forges='${FORGES}'`, ...before, forge, "ask b | wc -l", count);
  assert.equal(given(), ["1", "30", "1"], "without the firewall it takes them all");
  assert.equal(given(`nft -f - <<'END'\n${loadable(rules)}END`), ["1", "8", "1"]);
});

/**
 * Asks for addresses of IPv6 for so many hosts that there are not, each in one message: Solicit with the wish to have it at once, Rebind,
 * and Solicit in what a relay sends.
 */
const FORGES6 = `
const socket = require("node:dgram").createSocket("udp6");
const option = (code, ...bytes) => [0, code, 0, bytes.length, ...bytes];
const address = (last) => [0xfd, 0x77, ...Array(13).fill(0), last];
const message = (number) => {
  const who = option(1, 0, 3, 0, 1, 2, 255, 0, 0, 0, number);
  const wish = option(5, ...address(64 + number), 0, 0, 14, 16, 0, 0, 14, 16);
  const kind = number % 3;
  const what = option(3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, ...(kind === 1 ? wish : []));
  const asks = [kind === 1 ? 6 : 1, 1, 2, number, ...who, ...what, ...option(8, 0, 0), ...option(14)];
  return kind === 2 ? [12, 0, ...address(64), ...address(65), ...option(9, ...asks)] : asks;
};
const number = Number(process.argv[1]);
socket.bind(546, () => {
  socket.setMulticastInterface("::%e");
  const send = (at) => at > Number(process.argv[2]) ? socket.close() :
    socket.send(Buffer.from(message(at)), 547, "ff02::1:2%e", () => setTimeout(send, 60, at + 1));
  send(number);
});`;

test("one station that asks for many addresses of IPv6 leaves some for others", () => {
  const part = "fd77::40/122";
  const rules = renderFirewall(firewallOf({ segments: [{ name: "seg0" }] }, { seg0: "10.143.0.1/24" }, { seg0: part }));
  const forge = (station: string, first: number, last: number) =>
    `ip netns exec ${station} ${process.execPath} -e '${FORGES6}' ${first} ${last}`;
  const given = (...before: string[]) =>
    runWith(
      { prefix6: part },
      "ip address add fd77::41/122 dev seg0 nodad; until ss -Hlun sport = :547 | grep -q .; do sleep 0.1; done",
      "until ! ip -6 -n a address show dev e tentative | grep -q . && ! ip -6 -n b address show dev e tentative | grep -q .; do sleep 0.1; done",
      ...before,
      forge("a", 3, 50),
      forge("b", 51, 51),
      'count() { grep -cE "^[0-9]+ [0-9]+ fd77::[0-9a-f]+ .* 00:03:00:01:02:ff:00:00:00:$1\\$" $leases || true; }',
      "count '(0.|1.|2.|30|31|32)'; count 33",
    );
  const [all, other] = given();
  assert.is(all, "48", "without the firewall it takes them all");
  assert.is(other, "1");
  assert.equal(given(`nft -f - <<'END'\n${loadable(rules)}END`), ["16", "1"]);
});

test("hosts that boot from the net are told what to load and from where, by UEFI or not; options go to whoever asks for nothing", () => {
  const script = "#!/bin/sh\\n[ $1 != bound ] || echo $siaddr $boot_file $opt150 $opt200 $opt201 $opt202";
  const options = [
    { number: 150, addresses: ["10.9.0.1", "10.9.0.2"] },
    { number: 200, bytes: [7] },
    { number: 201, bytes: [0x12, 0x34] },
    { number: 202, bytes: [...Buffer.from("tag:x,1")] },
  ];
  const said = runWith(
    { boot: { server: "10.9.0.60", file: "tag:known", uefiFile: "grub.efi" }, options },
    `printf '${script}\\n' >/run/told; chmod 755 /run/told`,
    "boots() { ip netns exec a busybox udhcpc -i e -n -q -f -t 10 -T 1 -s /run/told $* 2>/dev/null; }",
    "boots; boots -x 0x5d:0000; boots -x 0x5d:0007",
  );
  const sent = "0a0900010a090002 07 1234 7461673a782c31";
  assert.equal(said, [`10.9.0.60 tag:known ${sent}`, `10.9.0.60 tag:known ${sent}`, `10.9.0.60 grub.efi ${sent}`]);
});

test("a subnet's reverse zones are all of its addresses, and no others", () => {
  const zones = (text: string) => {
    const subnet = parseInterface(text);
    return subnet === undefined ? [] : reverseZones(subnet);
  };
  assert.equal(zones("10.143.0.1/24"), ["0.143.10.in-addr.arpa"]);
  assert.equal(zones("10.143.2.1/23"), ["2.143.10.in-addr.arpa", "3.143.10.in-addr.arpa"]);
  assert.equal(zones("10.143.2.1/16"), ["143.10.in-addr.arpa"]);
  assert.equal(zones("192.168.77.225/30"), [
    "224.77.168.192.in-addr.arpa",
    "225.77.168.192.in-addr.arpa",
    "226.77.168.192.in-addr.arpa",
    "227.77.168.192.in-addr.arpa",
  ]);
});

servers.run();
