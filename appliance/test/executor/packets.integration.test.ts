// SPDX-License-Identifier: Apache-2.0
// The firewall with real packets: gateway, LAN host, storage host and two stations as network namespaces inside of one
// of our own.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import { parseFirewallCounters } from "../../src/observe/firewallCounters.ts";
import { BRIDGE } from "../../src/protocol/operations.ts";
import { firewallOf, loadable } from "../support/firewall.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const ADDRESSES: Record<string, string> = { seg0: "10.143.0.1/24", seg1: "10.143.1.1/24" };
const PREFIXES = { seg0: "fd12:0:0:1::/64", seg1: "fd12:0:0:2::/64" };
const PORT_FORWARDS = [{ port: 8080, to: "10.143.0.20", toPort: 80 }];

/** Namespace, interface of the gateway, its addresses, those of the other end. */
const WIRES = [
  ["lan", "eth0", "192.168.77.2/24 fd77::2/64", "192.168.77.1/24 fd77::1/64"],
  ["storage", "eth1", "10.0.2.15/24", "10.0.2.2/24"],
  ["a", "seg0", "10.143.0.1/24 fd12:0:0:1::1/64", "10.143.0.20/24 fd12:0:0:1::20/64"],
  ["b", "seg1", "10.143.1.1/24 fd12:0:0:2::1/64", "10.143.1.20/24 fd12:0:0:2::20/64"],
];

const SETUP = [
  "mount -t tmpfs tmpfs /run; ip link set lo up",
  "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
  // Interfaces are there at once, without looking for a double of their addresses first.
  "now='echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'; eval \"$now\"",
  ...WIRES.flatMap(([name, link, ours = "", theirs = ""]) => [
    `ip netns add ${name}; ip netns exec ${name} bash -c "$now"`,
    `ip link add ${link} type veth peer name e netns ${name}; ip link set ${link} up`,
    `ip -n ${name} link set lo up; ip -n ${name} link set e up`,
    ...ours.split(" ").map((address) => `ip address add ${address} dev ${link} ${nodad(address)}`),
    ...theirs.split(" ").map((address) => `ip -n ${name} address add ${address} dev e ${nodad(address)}`),
    ...ours.split(" ").map((address) => `ip -n ${name} route add default via ${address.split("/")[0]}`),
  ]),
  // answered: something is there, or says that nothing is; dropped: silence, or no neighbour.
  'tcp() { local said; said=$(LC_ALL=C timeout $patience ip netns exec $1 bash -c "</dev/tcp/$2/$3" 2>&1)',
  "[[ $? = 0 || $said = *refused* ]] && echo answered || echo dropped; }",
  "from() { ip -n $1 route replace default via $2 src $3; }",
].join("\n");

function nodad(address: string): string {
  return address.includes(":") ? "nodad" : "";
}

/** @returns what each line of the script said */
function run(
  document: object,
  script: string[],
  addresses: Record<string, string>,
  prefixes: Record<string, string>,
): string[] {
  const rules = loadable(renderFirewall(firewallOf(document, addresses, prefixes)));
  return runInNamespaces(`${SETUP}\nnft -f - <<'END'\n${rules}END\n${script.join("\n")}\n`).said;
}

/** A script with its expected answers. */
function expect(
  document: object,
  cases: Record<string, "answered" | "dropped">,
  addresses = ADDRESSES,
  prefixes: Record<string, string> = PREFIXES,
): void {
  // A busy machine takes its time for what is answered.
  const script = Object.entries(cases).map(([line, said]) => `patience=${said === "answered" ? 20 : 0.5}; ${line}`);
  const said = run(document, script, addresses, prefixes);
  assert.equal(Object.fromEntries(Object.keys(cases).map((line, index) => [line, said[index]])), cases);
}

/** Waits for the first line of the coprocess SERVER; $out has what comes after it. */
const LISTENS = `read -r listens <&\${SERVER[0]}; exec {out}<&\${SERVER[0]}`;

const packets = suite("packets through the firewall");
const test = hasNamespaces ? packets : packets.skip;

test("routed: everybody reaches everybody, but not the storage network, and stations not the page", () => {
  expect(
    {},
    {
      "tcp a 192.168.77.1 80": "answered",
      "tcp lan 10.143.0.20 80": "answered",
      "tcp a 10.143.1.20 80": "answered",
      "tcp a fd77::1 80": "answered",
      "tcp lan fd12:0:0:2::20 80": "answered",
      "tcp a 10.0.2.2 80": "dropped",
      "tcp storage 10.143.0.20 80": "dropped",
      "tcp lan 192.168.77.2 443": "answered",
      "tcp storage 10.0.2.15 443": "answered",
      "tcp a 10.143.0.1 443": "dropped",
      "tcp a 192.168.77.2 443": "dropped",
      "tcp lan 192.168.77.2 22": "dropped",
      "tcp lan fd77::2 22": "dropped",
      "tcp a 10.143.0.1 53": "answered",
    },
  );
});

test("what each rule has matched is counted", () => {
  const rule = { action: "accept", from: "lan", to: "segments", protocol: "tcp" };
  const rules = [
    { ...rule, name: "web", ports: ["80"] },
    { ...rule, name: "unused", ports: ["81"] },
  ];
  const script = ["patience=20; tcp lan 10.143.0.20 80", "tcp lan 10.143.0.20 80", "nft -t list table inet scsigate"];
  const said = run({ firewall: { rules } }, script, ADDRESSES, PREFIXES);
  assert.equal(said.slice(0, 2), ["answered", "answered"]);
  const hits = parseFirewallCounters(said.join("\n"));
  assert.equal(
    hits.map(({ name, packets }) => [name, packets]),
    [
      ["web", 2],
      ["unused", 0],
    ],
  );
  assert.ok((hits[0]?.bytes ?? 0) >= 80);
});

test("an address that is not of its side goes nowhere", () => {
  const foreign = "ip -n a address add 10.9.9.9/32 dev e; ip route add 10.9.9.9 dev seg0; from a 10.143.0.1 10.9.9.9";
  const foreign6 = "ip -n a address add fd99::9/128 dev e nodad; ip route add fd99::9 dev seg0";
  const ours = "ip -n lan address add 10.143.0.77/32 dev lo; from lan 192.168.77.2 10.143.0.77";
  expect(
    {},
    {
      [`${foreign}; tcp a 192.168.77.1 80`]: "dropped",
      [`${foreign6}; from a fd12:0:0:1::1 fd99::9; tcp a fd77::1 80`]: "dropped",
      [`${ours}; tcp lan 10.143.1.20 80`]: "dropped",
      "from a 10.143.0.1 10.143.0.20; from lan 192.168.77.2 192.168.77.1; tcp a 192.168.77.1 80": "answered",
    },
  );
  expect({ firewall: { antiSpoofing: false } }, { [`${foreign}; tcp a 192.168.77.1 80`]: "answered" });
});

test("NAT: stations get out to a LAN that knows no way back, and nobody gets in but by a port forward", () => {
  const noRoute = "ip -n lan route del default; ip -n lan -6 route del default";
  expect(
    { mode: "nat", firewall: { portForwards: PORT_FORWARDS } },
    {
      [`${noRoute}; tcp a 192.168.77.1 80`]: "answered",
      "tcp a fd77::1 80": "answered",
      "ip -n lan route add 10.143.0.0/16 via 192.168.77.2; tcp lan 10.143.0.20 80": "dropped",
      "tcp lan 192.168.77.2 8080": "answered",
      "tcp lan 192.168.77.2 8081": "dropped",
      "tcp a 10.143.1.20 80": "answered",
    },
  );
});

/** Until the last connection has begun, on a slow machine too; by default, one without an answer is forgotten after 30 s. */
const REMEMBER = "echo 600 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout";

/** Begins so many connections from two addresses, and says how many the gateway remembers. */
const FLOODS = `
const begin = async (address) => {
  const socket = require("node:dgram").createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, address, resolve));
  for (let port = 1; port <= 6000; port++) {
    await new Promise((resolve) => socket.send("x", port, "192.168.77.1", resolve));
  }
  socket.close();
};
begin("10.143.0.20").then(() => begin("10.143.0.21"));`;

test("one station does not fill the memory of connections, from however many addresses; others get theirs", () => {
  const said = run(
    { mode: "nat" },
    [
      "echo 65536 >/proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null",
      REMEMBER,
      "ip -n a address add 10.143.0.21/24 dev e",
      `ip netns exec a ${process.execPath} -e '${FLOODS}'`,
      "cat /proc/sys/net/netfilter/nf_conntrack_count",
      "patience=20; tcp b 192.168.77.1 80",
    ],
    ADDRESSES,
    PREFIXES,
  );
  const count = Number(said[0]);
  assert.ok(count > 8000 && count < 8192 + 100, `${count} connections`);
  assert.is(said[1], "answered");
});

/** Asks the gateway's name server from so many addresses, as often as each may, from another port each time. */
const ASKS = `
(async () => {
  for (let host = 130; host < 250; host++) {
    for (let count = 0; count < 100; count++) {
      const socket = require("node:dgram").createSocket("udp4");
      await new Promise((resolve) => socket.bind(0, "10.143.0." + host, resolve));
      await new Promise((resolve) => socket.send("x", 53, "10.143.0.1", resolve));
      socket.close();
    }
  }
})();`;

test("nor does one that asks the gateway itself, in any mode", () => {
  const said = run(
    {},
    [
      "echo 65536 >/proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null",
      REMEMBER,
      "ip -n a route add local 10.143.0.128/25 dev lo",
      `ip netns exec a ${process.execPath} -e '${ASKS}'`,
      "cat /proc/sys/net/netfilter/nf_conntrack_count",
      "patience=20; tcp b 10.143.1.1 53",
    ],
    ADDRESSES,
    PREFIXES,
  );
  const count = Number(said[0]);
  assert.ok(count > 8000 && count < 8192 + 100, `${count} connections`);
  assert.is(said[1], "answered");
});

/** Both segments and the LAN are ports of the bridge, and all hosts in one subnet. */
const BRIDGED = [
  `ip link add ${BRIDGE} type bridge; ip link set ${BRIDGE} up`,
  `for i in eth0 seg0 seg1; do ip address flush dev $i; ip link set $i master ${BRIDGE}; done`,
  `ip address add 192.168.77.2/24 dev ${BRIDGE}; ip address add fd77::2/64 dev ${BRIDGE} nodad`,
  ...Object.entries({ a: 20, b: 21 }).map(
    ([host, number]) =>
      `ip -n ${host} address flush dev e; ip -n ${host} address add 192.168.77.${number}/24 dev e; ip -n ${host} address add fd77::${number}/64 dev e nodad`,
  ),
].join("; ");

function expectBridged(firewall: object, cases: Record<string, "answered" | "dropped">): void {
  const [first = "", ...rest] = Object.keys(cases);
  const said = Object.values(cases);
  const all = [`${BRIDGED}; ${first}`, ...rest].map((line, index) => [line, said[index]]);
  expect({ mode: "bridge", firewall }, Object.fromEntries(all), {}, {});
}

test("bridge: segments are on the LAN, and the page is where it is in the other modes: on the LAN", () => {
  expectBridged(
    {},
    {
      "tcp a 192.168.77.1 80": "answered",
      "tcp lan 192.168.77.20 80": "answered",
      "tcp a 192.168.77.21 80": "answered",
      "tcp a fd77::1 80": "answered",
      "tcp lan 192.168.77.2 443": "answered",
      "tcp a 192.168.77.2 443": "dropped",
      "tcp a fd77::2 443": "dropped",
      "tcp a 192.168.77.2 3260": "dropped",
      "ip netns exec a ping -c 1 -W 2 192.168.77.2 >/dev/null && echo answered": "answered",
    },
  );
  expectBridged(
    { management: ["segments"] },
    { "tcp lan 192.168.77.2 443": "dropped", "tcp a 192.168.77.2 443": "answered" },
  );
  expectBridged(
    { management: ["lan", "segments"] },
    { "tcp lan 192.168.77.2 443": "answered", "tcp b 192.168.77.2 443": "answered" },
  );
});

test("bridge: isolated segments reach the LAN, and not each other", () => {
  expectBridged(
    { betweenSegments: "isolate" },
    {
      "tcp a 192.168.77.21 80": "dropped",
      "tcp b fd77::20 80": "dropped",
      "tcp a 192.168.77.1 80": "answered",
      "tcp lan 192.168.77.21 80": "answered",
    },
  );
});

test("bridge: rules hold, with their sides as ports", () => {
  const rule = (more: object) => ({ protocol: "tcp", ...more });
  expectBridged(
    {
      rules: [
        rule({ name: "in", action: "drop", from: "lan", to: "segments", ports: ["22", "80"] }),
        rule({ name: "web", action: "reject", from: "seg0", to: "lan", ports: ["80"] }),
        rule({
          name: "one",
          action: "drop",
          from: "segments",
          to: "any",
          destinations: ["192.168.77.21"],
          ports: ["81"],
        }),
        rule({ name: "probe", action: "accept", from: "seg0", to: "gateway", ports: ["9100"] }),
        rule({ name: "shut", action: "drop", from: "lan", to: "gateway", sources: ["192.168.77.1"], ports: ["443"] }),
      ],
    },
    {
      "tcp lan 192.168.77.20 80": "dropped",
      "tcp lan fd77::21 22": "dropped",
      "tcp a 192.168.77.1 80": "dropped",
      "tcp a 192.168.77.1 81": "answered",
      "tcp b 192.168.77.1 80": "answered",
      "tcp a 192.168.77.21 81": "dropped",
      "tcp a 192.168.77.21 82": "answered",
      "tcp a 192.168.77.2 9100": "answered",
      "tcp b 192.168.77.2 9100": "dropped",
      "tcp lan 192.168.77.2 9100": "dropped",
      "tcp lan 192.168.77.2 443": "dropped",
      "tcp lan 192.168.77.2 80": "answered",
    },
  );
});

test("proxy ARP: a station with a part of the LAN's subnet is reached as if it were on the LAN", () => {
  const seg0 = "192.168.77.225/28";
  const station = [
    "ip address flush dev seg0; ip address add 192.168.77.225/28 dev seg0; ip -n a address flush dev e",
    "ip -n a address add 192.168.77.230/28 dev e; ip -n a route replace default via 192.168.77.225",
    "ip -n lan route del default",
  ].join("; ");
  const proxy =
    "for i in eth0 seg0; do echo 1 >/proc/sys/net/ipv4/conf/$i/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/$i/proxy_delay; done";
  expect(
    { mode: "proxy", segments: [{ name: "seg0", ipv4: { address: seg0 } }] },
    {
      [`${station}; tcp lan 192.168.77.230 80`]: "dropped", // nobody answers for it yet
      [`${proxy}; ip -n lan neigh flush all; tcp lan 192.168.77.230 80`]: "answered",
      "tcp a 192.168.77.1 80": "answered",
      "tcp a 192.168.77.225 443": "dropped",
    },
    { seg0 },
  );
});

test("proxy NDP: a station with a part of the LAN's prefix is reached as if it were on the LAN", () => {
  const station = [
    "ip address add fd77::1001/122 dev seg0 nodad; ip -n a address add fd77::1002/122 dev e nodad",
    "ip -n a route replace default via fd77::1001 src fd77::1002; ip -n lan -6 route del default",
  ].join("; ");
  const answer = [
    "echo 1 >/proc/sys/net/ipv6/conf/eth0/proxy_ndp; echo 0 >/proc/sys/net/ipv6/neigh/eth0/proxy_delay",
    "echo neighbour add proxy fd77::1002 dev eth0 | ip -6 -batch -; ip -n lan neigh flush all",
  ].join("; ");
  expect(
    { mode: "proxy", segments: [{ name: "seg0", ipv4: { address: "192.168.77.225/28" }, ipv6: { enabled: true } }] },
    {
      [`${station}; tcp lan fd77::1002 80`]: "dropped", // nobody answers for it yet
      [`${answer}; tcp lan fd77::1002 80`]: "answered",
      "tcp a fd77::1 80": "answered",
      "tcp a fd77::1001 443": "dropped",
      "ip -n a address add fd77::2000/128 dev e nodad; from a fd77::1001 fd77::2000; tcp a fd77::1 80": "dropped",
    },
    { seg0: "192.168.77.225/28" },
    { seg0: "fd77::1000/122" },
  );
});

test("isolated segments reach the LAN, not each other", () => {
  expect(
    { firewall: { betweenSegments: "isolate" } },
    {
      "tcp a 10.143.1.20 80": "dropped",
      "tcp b 10.143.0.20 80": "dropped",
      "tcp a fd12:0:0:2::20 80": "dropped",
      "tcp b fd12:0:0:1::20 80": "dropped",
      "tcp a 192.168.77.1 80": "answered",
      "tcp b fd77::1 80": "answered",
    },
  );
});

test("rules of one's own go before the others, and replies come back", () => {
  const rules = [
    { name: "no web", action: "drop", from: "segments", to: "lan", protocol: "tcp", ports: ["80-81"] },
    { name: "ssh for one", action: "accept", from: "lan", to: "gateway", protocol: "tcp", ports: ["22"] },
    { name: "out only", action: "drop", from: "lan", to: "seg1", protocol: "tcp" },
  ];
  expect(
    { firewall: { rules } },
    {
      "tcp a 192.168.77.1 80": "dropped",
      "tcp a 192.168.77.1 82": "answered",
      "tcp lan 192.168.77.2 22": "answered",
      "tcp lan 10.143.1.20 82": "dropped",
      "tcp b 192.168.77.1 82": "answered",
    },
  );
});

test("rules with addresses of either version of IP, or of both, hold for those and for no others", () => {
  const rules = [
    { name: "one of each", action: "drop", destinations: ["192.168.77.1", "fd77::1"], protocol: "tcp", ports: ["80"] },
    { name: "IPv6 alone", action: "drop", sources: ["fd12:0:0:2::/64"], protocol: "tcp", ports: ["81"] },
  ];
  expect(
    { firewall: { rules, managementSources: ["fd77::/64"] } },
    {
      "tcp a 192.168.77.1 80": "dropped",
      "tcp a fd77::1 80": "dropped",
      "tcp a fd12:0:0:2::20 80": "answered",
      "tcp b 192.168.77.1 81": "answered",
      "tcp b fd77::1 81": "dropped",
      "tcp a fd77::1 81": "answered",
      "tcp lan fd77::2 443": "answered",
      "tcp lan 192.168.77.2 443": "dropped",
    },
  );
});

test("too many connections at a time from one address are dropped, and only from that one", () => {
  const server = `node -e 'require("net").createServer().listen(443)' >/dev/null & server=$!`;
  const open = "for i in {1..11}; do exec {fd}<>/dev/tcp/192.168.77.2/443; done; sleep 60";
  const started = "until ss -Hltn sport = :443 | grep -q .; do sleep 0.1; done";
  const held = '[ "$(ss -Htn state established sport = :443 | wc -l)" -ge 10 ]';
  const hold = `ip netns exec lan timeout 30 bash -c '${open}' >/dev/null 2>&1 & client=$!; until ${held}; do sleep 0.1; done`;
  expect(
    { firewall: { connectionsPerAddress: 10 } },
    {
      [`${server}; ${started}; ${hold}; tcp lan 192.168.77.2 443`]: "dropped",
      "tcp lan fd77::2 443": "answered",
      "tcp storage 10.0.2.15 443; kill $server $client": "answered",
    },
  );
});

test("a station that asks for an address again and again is not heard for a while; others are", () => {
  const ask = (space: string, times: number) =>
    `ip netns exec ${space} node -e 'const s = require("dgram").createSocket("udp4"); s.bind(68, () => { let n = 0; const next = () => { if (n++ < ${times}) s.send("x", 67, s.to, next); else s.close(); }; s.to = "${space === "a" ? "10.143.0.1" : "10.143.1.1"}"; next(); })'`;
  const server = `node -e 'let n = 0; require("dgram").createSocket("udp4").on("message", () => n++).bind(67, () => console.error("listens")); process.on("SIGTERM", () => process.stdout.write(n + "\\n", () => process.exit()))'`;
  const heard = (...asking: string[]) =>
    [
      `coproc SERVER { exec ${server} 2>&1; }`,
      LISTENS,
      "pid=$SERVER_PID",
      ...asking,
      // Until it has read all that has come.
      "until [ $(ss -Hlun sport = :67 | awk '{ print $2 }') = 0 ]; do sleep 0.1; done; kill $pid; read -r n <&$out; echo $n; wait 2>/dev/null",
    ].join("; ");
  const [flood = "", both = ""] = run({}, [heard(ask("a", 2000)), heard(ask("b", 5))], ADDRESSES, PREFIXES);
  assert.ok(Number(flood) >= 40 && Number(flood) < 500, flood);
  assert.is(both, "5");
});

test("too many new connections from one address are dropped, and only from that one", () => {
  const many = "said=$(for i in {1..24}; do tcp lan 192.168.77.2 443 & done; wait)";
  const most = '[ "$(grep -c dropped <<<"$said")" -ge 4 ] && echo dropped || echo answered';
  expect(
    { firewall: { newConnectionsPerSecond: 2 } },
    { [`${many}; ${most}`]: "dropped", "tcp storage 10.0.2.15 443": "answered" },
  );
});

/** Bytes that arrive of as many sent, over TCP, with a LAN of long frames and a gateway whose port there takes 1500 bytes. */
function transfer(from: string, to: string, at: string): string {
  const server = `require("net").createServer((s) => { let n = 0; s.on("data", (d) => { n += d.length; }); s.on("end", () => { process.stdout.write(n + "\\n", () => process.exit()); }); }).listen(9, "${at}", () => console.error("listens"))`;
  return [
    `coproc SERVER { exec ip netns exec ${to} timeout 60 node -e '${server}' 2>&1; }`,
    LISTENS,
    `timeout 30 ip netns exec ${from} bash -c 'head -c 300000 /dev/zero >/dev/tcp/${at}/9' 2>/dev/null`,
    "read -r n <&$out || n=nothing; echo $n; wait 2>/dev/null",
  ].join("; ");
}

test("long frames of a LAN, and longer ones of a segment, agree on what passes the gateway's port", () => {
  const lengths = [
    "ip -n lan link set e mtu 9000; ip link set seg0 mtu 65000; ip -n a link set e mtu 65000",
    // As a real card sends: no frame is longer than the link it goes to takes.
    "ip -n lan link set e gso_max_segs 1; ip -n a link set e gso_max_segs 1",
    "ip link set eth0 gso_max_segs 1; ip link set seg0 gso_max_segs 1",
  ].join("; ");
  const ways: [string, string, string][] = [
    ["lan", "a", "10.143.0.20"],
    ["a", "lan", "192.168.77.1"],
    ["lan", "a", "fd12:0:0:1::20"],
    ["a", "lan", "fd77::1"],
  ];
  for (const mode of ["routed", "nat"]) {
    const inward = ways.filter(([from]) => mode === "routed" || from === "a");
    const script = [`${lengths}`, ...inward.map((way) => transfer(...way))];
    assert.equal(
      run({ mode }, script, ADDRESSES, PREFIXES),
      inward.map(() => "300000"),
      mode,
    );
  }
});

packets.run();
