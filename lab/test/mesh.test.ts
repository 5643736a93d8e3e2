// SPDX-License-Identifier: Apache-2.0
// Gateways that find each other, and stations that reach each other through them.
import * as assert from "uvu/assert";
import { MeshStation } from "../src/rigs/meshStation.ts";
import { api, configure } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { mesh, meshKey, meshLan, meshSegments } from "../src/topologies/mesh.ts";
import type { Vm } from "../src/vm/vm.ts";

interface Status {
  readonly health: { readonly status: string; readonly reasons: readonly { readonly code: string }[] };
  readonly segments: readonly { readonly name: string; readonly ips: readonly string[] }[];
  readonly mesh: {
    readonly running: boolean;
    readonly neighbours: readonly { readonly interface: string; readonly peer: string | null }[];
    readonly routes: readonly { readonly destination: string; readonly interface: string }[];
    readonly peers: readonly { readonly address: string; readonly reached: boolean }[];
  } | null;
  readonly encryption: {
    readonly publicKey: string | null;
    readonly peers: readonly { readonly address: string; readonly state: string }[];
  } | null;
}

interface Diagnosis {
  readonly checks: readonly { readonly title: string; readonly state: string; readonly measured: string }[];
}

/** For routes to come and go, leases to come, BIRD to be started again: milliseconds. */
const FOLLOW_TIMEOUT = 90_000;
const ROUTED4 = /^10\.(1[2-9]|2)\d*\./;
const ROUTED6 = /^fd/;

const status = (gateway: Vm): Promise<Status> => api<Status>(gateway, "GET", "status");

async function until(gateway: Vm, what: string, condition: (now: Status) => boolean): Promise<void> {
  const options = { timeout: FOLLOW_TIMEOUT, interval: 1000 };
  await waitFor(`${gateway.name}: ${what}`, async () => condition(await status(gateway)), options).catch(
    async (error) => {
      const { health, mesh: now } = await status(gateway);
      throw new Error(`${error.message}\nIt is ${JSON.stringify({ health, mesh: now })}`);
    },
  );
}

const healthy = (gateway: Vm): Promise<void> => until(gateway, "well", ({ health }) => health.status === "ok");

/** Everything that a mode could leave behind; what other gateways are up to is left out. */
function traces(gateway: Vm): Promise<string> {
  return gateway.ok(`
    nft -s -t list ruleset
    ip -br link; ip -br addr | sed 's/seg1.*//'; ip -4 route; ip -6 route show table all proto bird; bridge link
    ls /run/scsigate/*.pid /run/scsigate/bird; find /run/scsigate/ours -type f | sort; cat /run/scsigate/bird.conf; pidof bird | wc -w`);
}

/** Waits until something is as it was; else says what differs. */
async function asBefore(read: () => Promise<string>, before: string): Promise<void> {
  const options = { timeout: FOLLOW_TIMEOUT, interval: 1000 };
  await waitFor("the state to be as before", async () => (await read()) === before, options).catch(async () =>
    assert.is(await read(), before),
  );
}

let a: MeshStation;
let b: MeshStation;

const tests = scenario("mesh", mesh, {
  prepare: async (bench) => {
    a = new MeshStation(bench.vm("gateway-a"));
    b = new MeshStation(bench.vm("gateway-b"));
    await Promise.all([a.plug(), b.plug()]);
  },
});

tests.test("stations behind two gateways reach each other with nothing configured but the key", async () => {
  const [from, to] = await Promise.all([a.address(ROUTED4), b.address(ROUTED4)]);
  await a.reaches(to);
  await b.reaches(from);
  await a.reaches(await b.address(ROUTED6));
  assert.is(await a.ok(`curl -sf -m 20 http://${to}/page`), "page of gateway-b");
  assert.is(await b.ok(`curl -sf -m 20 http://${from}/page`), "page of gateway-a");
});

tests.test("the status shows neighbours and routes, and health is well", async () => {
  // BIRD is asked every few seconds: the status knows a moment later than the kernel
  const ips = (now: Status): readonly string[] => now.segments.find(({ name }) => name === "seg0")?.ips ?? [];
  await until(b.gateway, "both of its subnets", (now) => ips(now).length === 2);
  const theirs = ips(await status(b.gateway));
  await until(
    a.gateway,
    "the other and its routes",
    ({ mesh: now }) => now?.neighbours.length === 1 && now.routes.length === theirs.length,
  );
  const known = await status(a.gateway);
  assert.equal(
    known.mesh?.neighbours.map(({ interface: name, peer }) => ({ name, peer })),
    [{ name: "eth0", peer: null }],
  );
  assert.match(await a.gateway.ok("scsigate status"), /^mesh {5}neighbours: 1, routes: 2$/m);
  await healthy(a.gateway);
  await healthy(b.gateway);
});

tests.test("a neighbour's default route, its LAN and a part of our LAN are not taken", async () => {
  const routes = (): Promise<string> => a.gateway.ok("ip -4 route; ip -6 route");
  const before = await routes();
  // What a gateway would announce that is not what it should be: our own filters are all that stands in the way.
  await b.gateway.ok(`set -e
    sed -e 's/^protocol direct .*/protocol static evil { ipv4; route 0.0.0.0\\/0 unreachable; route 192.168.77.0\\/25 unreachable; route 8.8.8.0\\/24 unreachable; route 10.99.0.0\\/24 unreachable; }/' \
      -e 's/if source = RTS_DEVICE .*/if source = RTS_STATIC then accept;/' /run/scsigate/bird.conf >/tmp/evil.conf
    birdcl -s /run/scsigate/bird.ctl configure '"/tmp/evil.conf"'`);
  await waitFor("the one route that may be", async () => (await routes()).includes("10.99.0.0/24"), {
    timeout: FOLLOW_TIMEOUT,
  });
  const now = await routes();
  assert.not.match(now, "default");
  assert.not.match(now, "192.168.77.0/25");
  assert.not.match(now, "8.8.8.0");
  await b.gateway.ok("birdcl -s /run/scsigate/bird.ctl configure");
  await asBefore(routes, before);
});

tests.test("BIRD has few rights, is started again after a kill, and adopted by a new supervisor", async () => {
  const to = await b.address(ROUTED4);
  const pid = await a.gateway.ok("pidof bird");
  await a.gateway.ok(`kill -9 ${pid}`);
  const next = await waitFor(
    "another BIRD",
    async () => {
      const found = (await a.gateway.run("pidof bird")).stdout.trim();
      const noted = (await a.gateway.run("cat /run/scsigate/bird/bird.pid")).stdout.trim();
      return found !== "" && found !== pid && found === noted && found;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
  const rights = await a.gateway.ok(
    `grep -E '^(Uid|CapEff)' /proc/${next}/status; stat -c '%U %G %a' /run/scsigate/bird.conf`,
  );
  assert.match(rights, /^Uid:\t992\t992\t992\t992$/m);
  assert.match(rights, /^CapEff:\t0000000000003c00$/m); // CAP_NET_BIND_SERVICE, BROADCAST, ADMIN, RAW
  assert.match(rights, /^root bird 640$/m);
  await a.reaches(to);
  await a.gateway.ok("kill $(pidof node | tr ' ' '\\n' | sort -n | head -1)"); // the executor; init starts it again
  await waitFor("the supervisor to answer", async () => (await status(a.gateway)).mesh?.running, {
    timeout: FOLLOW_TIMEOUT,
  });
  await healthy(a.gateway);
  assert.is(await a.gateway.ok("pidof bird"), next);
  await a.reaches(to);
});

tests.test("a gateway with another key is none of the mesh", async () => {
  const lost = (now: Status): boolean => now.mesh?.neighbours.length === 0 && now.mesh.routes.length === 0;
  await configure(b.gateway, { "mesh.key": "another-key-altogether" });
  await until(a.gateway, "alone", lost);
  await configure(b.gateway, { "mesh.key": meshKey });
  await a.reaches(await b.address(ROUTED4));
});

tests.test("mesh, routed and mesh again at run time: routes go and come, nothing is left", async () => {
  const gateway = a.gateway;
  const meshed = await traces(gateway);
  const to = await b.address(ROUTED4);
  await configure(gateway, { mode: "routed" });
  await until(gateway, "in no mesh", ({ mesh: now }) => now === null);
  assert.is((await gateway.run("pidof bird")).stdout.trim(), "");
  assert.is(
    await gateway.ok("ip route show proto bird; ip -6 route show proto bird; ls /run/scsigate | grep bird.conf || :"),
    "",
  );
  assert.not.match(await gateway.ok("nft list ruleset"), "6696");
  await configure(gateway, { mode: "mesh" });
  await a.reaches(to);
  await asBefore(() => traces(gateway), meshed);
});

tests.test("a gateway with two segments: each reaches the other and the mesh, until they are isolated", async () => {
  const before = await traces(a.gateway);
  const second = new MeshStation(a.gateway, "two0");
  await configure(a.gateway, { segments: JSON.stringify([...meshSegments, { ...meshSegments[0], name: "two0" }]) });
  await second.plug();
  const [one, two] = await Promise.all([a.address(ROUTED4), second.address(ROUTED4)]);
  assert.is.not(one.replace(/\d+$/, ""), two.replace(/\d+$/, ""), "subnets of their own");
  await a.reaches(two);
  await second.reaches(one);
  await second.reaches(await a.address(ROUTED6));
  await b.reaches(two);

  await configure(a.gateway, { "firewall.betweenSegments": "isolate" });
  const silent = async (from: MeshStation, to: string): Promise<void> =>
    assert.is.not((await from.run(`ping -n -c 3 -i 0.3 -W 2 ${to}`)).code, 0, `${to} answers`);
  await silent(a, two);
  await silent(second, one);
  await silent(second, await a.address(ROUTED6));
  await b.reaches(two);
  await b.reaches(one);

  await configure(a.gateway, { "firewall.betweenSegments": "allow" });
  await a.reaches(two);
  await second.unplug();
  await configure(a.gateway, { segments: JSON.stringify(meshSegments) });
  await asBefore(() => traces(a.gateway), before);
  await healthy(a.gateway);
});

tests.test("a gateway that dies is forgotten, and found when it comes back", async (bench) => {
  const gateway = bench.vm("gateway-b");
  const before = await b.address(ROUTED4);
  await gateway.kill();
  await until(a.gateway, "alone", (now) => now.mesh?.routes.length === 0);
  await gateway.boot();
  await b.plug();
  const to = await b.address(ROUTED4); // another station, by its address
  assert.is(to.replace(/\d+$/, ""), before.replace(/\d+$/, ""), "the same subnet, though nothing was kept");
  await a.reaches(to);
});

tests.test("a gateway that is not on the LAN is reached through a tunnel", async () => {
  const [ipA = "", ipB = ""] = Object.values(meshLan);
  await configure(a.gateway, { "mesh.peers": `["${ipB}"]` });
  await until(a.gateway, "telling that the other does not answer", ({ health }) =>
    health.reasons.some(({ code }) => code === "mesh-peer-unreached"),
  );
  await configure(b.gateway, { "mesh.peers": `["${ipA}"]` });
  // As if routers were in between: nothing of the mesh's own gets through the LAN.
  for (const { gateway } of [a, b]) {
    await gateway.ok("nft insert rule inet scsigate input iifname eth0 udp dport 6696 drop");
  }
  await until(a.gateway, "all routes through the tunnel", ({ mesh: now }) => {
    const links = now?.routes.map((route) => route.interface) ?? [];
    return links.length === 2 && links.every((name) => name.startsWith("mesh"));
  });
  await until(a.gateway, "reaching its peer", ({ mesh: now }) => now?.peers[0]?.reached === true);
  assert.equal(
    (await status(a.gateway)).mesh?.peers.map(({ address }) => address),
    [ipB],
  );
  await a.reaches(await b.address(ROUTED4), "-s 1400");
  await a.reaches(await b.address(ROUTED6));
  assert.is(await a.ok(`curl -sf -m 20 http://${await b.address(ROUTED4)}/page`), "page of gateway-b");
  await healthy(a.gateway);
  for (const { gateway } of [a, b]) {
    await configure(gateway, { "mesh.peers": "[]" });
    assert.not.match(await gateway.ok("ip -br link"), /^mesh/m);
  }
  await a.reaches(await b.address(ROUTED4));
});

tests.test("one segment over two gateways: ARP, DHCP and pings go from station to station", async () => {
  const [ipA = "", ipB = ""] = Object.values(meshLan);
  const before = await traces(a.gateway);
  const extend = (peer: string): string => `{"vni":100,"peers":["${peer}"]}`;
  const subnet = (n: number) => ({ "segments.0.ipv4.address": `10.77.0.${n}/24`, "segments.0.ipv6.enabled": "false" });
  await configure(a.gateway, { ...subnet(1), "segments.0.extend": extend(ipB) });
  await configure(b.gateway, { ...subnet(2), "segments.0.extend": extend(ipA), "segments.0.dhcp.enabled": "false" });
  await Promise.all([a.renew(), b.renew()]);
  const [own, other] = await Promise.all([a.address(/^10\.77\.0\./), b.address(/^10\.77\.0\./)]);
  for (const station of [a, b]) {
    await waitFor("the lease's MTU", async () => (await station.mtu()) === "1450", { timeout: FOLLOW_TIMEOUT });
  }
  await a.reaches(other);
  assert.match(await a.ok(`ip neigh show ${other}`), await b.mac());
  await b.reaches(own, "-M do -s 1422");
  assert.is(await a.ok(`curl -sf -m 20 http://${other}/page`), "page of gateway-b");
  assert.match(await a.gateway.ok("nft list chain inet scsigate input"), `ip saddr ${ipB} udp dport 4789 accept`);
  await Promise.all([healthy(a.gateway), healthy(b.gateway)]);
  // What is wrong makes health bad after a while, and is told here at once: b does not know what a has given its station.
  for (const { gateway } of [a, b]) {
    const { checks } = await api<Diagnosis>(gateway, "GET", "diagnosis");
    assert.equal(
      checks.filter(({ state }) => state === "bad").map(({ title, measured }) => `${title}: ${measured}`),
      [],
    );
  }

  for (const { gateway } of [a, b]) await configure(gateway, { segments: JSON.stringify(meshSegments) });
  await Promise.all([a.renew(), b.renew()]);
  await a.address(ROUTED4);
  await a.reaches(await b.address(ROUTED4));
  await asBefore(() => traces(a.gateway), before);
});

/** Records all packets on the LAN, until somebody counts those of a kind. */
async function recordLan(gateway: Vm): Promise<(filter: string) => Promise<number>> {
  const file = "/run/lan.pcap";
  const recording = gateway.start(`exec tcpdump -Z root -n -i eth0 --immediate-mode -U -s 256 -w ${file} 2>&1`);
  await waitFor("tcpdump to listen", () => recording.output.includes("listening on"), { timeout: 30_000 });
  return async (filter) => {
    recording.kill("SIGTERM");
    await recording.done;
    // In two steps: what cannot be read is not nothing.
    return Number(await gateway.ok(`tcpdump -Z root -n -r ${file} '${filter}' >/run/lan.txt && wc -l </run/lan.txt`));
  };
}

/** GRE, VXLAN, Babel, and whatever has an address of a segment. */
const IN_CLEAR = "ip proto 47 or udp port 4789 or udp port 6696 or net 10.0.0.0/8";

tests.test("tunnels go through WireGuard: nothing of them is seen on the LAN, and a wrong key is told", async () => {
  const [ipA = "", ipB = ""] = Object.values(meshLan);
  const sides = [
    { gateway: a.gateway, station: a, own: ipA, other: ipB },
    { gateway: b.gateway, station: b, own: ipB, other: ipA },
  ];
  const before = await traces(a.gateway);
  // Each has made its key; the owner copies them.
  const keys: Record<string, string> = {};
  for (const { gateway, own } of sides) {
    await until(gateway, "showing its public key", ({ encryption }) => encryption?.publicKey != null);
    keys[own] = (await status(gateway)).encryption?.publicKey ?? "";
  }
  assert.is.not(keys[ipA], keys[ipB]);
  const peers = (other: string, key = keys[other]): string => JSON.stringify([{ address: other, publicKey: key }]);
  for (const { gateway, other } of sides) {
    await configure(gateway, { "mesh.peers": `["${other}"]`, "encryption.peers": peers(other) });
  }
  await until(a.gateway, "reaching its peer through the tunnel alone", ({ mesh: now }) => {
    const links = now?.routes.map((route) => route.interface) ?? [];
    return now?.peers[0]?.reached === true && links.length === 2 && links.every((name) => name.startsWith("mesh"));
  });
  await a.reaches(await b.address(ROUTED4));
  for (const { gateway } of sides) {
    await until(gateway, "having a handshake", ({ encryption }) => encryption?.peers[0]?.state === "good");
    await healthy(gateway);
  }

  const countGre = await recordLan(b.gateway);
  await a.reaches(await b.address(ROUTED4), "-s 1400");
  await a.reaches(await b.address(ROUTED4), "-M do -s 1368"); // 1420 without 24, and 28 of ICMP
  await a.reaches(await b.address(ROUTED6));
  assert.is(await a.ok(`curl -sf -m 20 http://${await b.address(ROUTED4)}/page`), "page of gateway-b");
  assert.is(await countGre(IN_CLEAR), 0);
  assert.ok((await countGre("udp port 51820")) > 10);

  // Nobody but root and the kernel has the private key, and a new supervisor adopts what runs.
  const key = await a.gateway.ok(
    "cat /data/wireguard/key; stat -c '%U %a' /data/wireguard/key /run/scsigate/wireguard.conf",
  );
  const [secret = ""] = key.split("\n");
  assert.match(key, /^.{43}=\nroot 600\nroot 600$/);
  assert.is(await a.gateway.ok("wg show mesh-wg private-key"), secret);
  const named = await a.gateway.ok(`grep -rlF '${secret}' /run/scsigate /data 2>/dev/null | sort`);
  assert.is(named, "/data/wireguard/key\n/run/scsigate/wireguard.conf");
  const link = "cat /sys/class/net/mesh-wg/ifindex /sys/class/net/mesh*/ifindex";
  const index = await a.gateway.ok(link);
  await a.gateway.ok("kill $(pidof node | tr ' ' '\\n' | sort -n | head -1)"); // the executor; init starts it again
  await waitFor("the supervisor to answer", async () => (await status(a.gateway)).mesh?.running, {
    timeout: FOLLOW_TIMEOUT,
  });
  await healthy(a.gateway);
  assert.is(await a.gateway.ok(link), index);
  await a.reaches(await b.address(ROUTED4));

  // The LAN's address comes back, and with it the way that the kernel took away.
  await a.gateway.ok(`ip addr del ${ipA}/24 dev eth0`);
  await a.reaches(await b.address(ROUTED4));

  // What is not encrypted is not taken from one that is to encrypt it.
  await configure(b.gateway, { "encryption.peers": "[]" });
  await until(b.gateway, "not hearing the other", ({ mesh: now }) => now?.peers[0]?.reached === false);
  const refused = /iifname != "mesh-wg" ip saddr [^\n]*(gre|47) counter packets [1-9]/;
  await waitFor(
    "GRE in the clear to be refused",
    async () => refused.test(await a.gateway.ok("nft list chain inet scsigate input")),
    { timeout: FOLLOW_TIMEOUT, interval: 1000 },
  );

  const stranger = (await b.gateway.ok("wg genkey | wg pubkey")).trim();
  await configure(b.gateway, { "encryption.peers": peers(ipA, stranger) });
  await until(b.gateway, "telling that there is no handshake", ({ health }) =>
    health.reasons.some(({ code }) => code === "encryption-silent"),
  );
  const { checks } = await api<Diagnosis>(b.gateway, "GET", "diagnosis");
  const found = checks.find(({ title }) => title === "Encryption between gateways");
  assert.is(found?.state, "warn");
  assert.match(found?.measured ?? "", `no handshake with gateway ${ipA}`);
  assert.is.not((await b.run(`ping -n -c 2 -W 2 ${await a.address(ROUTED4)}`)).code, 0);
  await configure(b.gateway, { "encryption.peers": peers(ipA) });
  await a.reaches(await b.address(ROUTED4));

  // The same for a segment over both gateways.
  for (const [index, { gateway, other }] of sides.entries()) {
    await configure(gateway, {
      "segments.0.ipv4.address": `10.77.0.${index + 1}/24`,
      "segments.0.ipv6.enabled": "false",
      "segments.0.extend": `{"vni":100,"peers":["${other}"]}`,
      "segments.0.dhcp.enabled": String(index === 0),
      "mesh.peers": "[]",
    });
  }
  await Promise.all([a.renew(), b.renew()]);
  const over = await b.address(/^10\.77\.0\./);
  await a.address(/^10\.77\.0\./);
  for (const { station } of sides) {
    await waitFor("the lease's MTU", async () => (await station.mtu()) === "1370", { timeout: FOLLOW_TIMEOUT });
  }
  await a.reaches(over);
  const countVxlan = await recordLan(b.gateway);
  await a.reaches(over, "-M do -s 1342");
  assert.is(await a.ok(`curl -sf -m 20 http://${over}/page`), "page of gateway-b");
  assert.is(await countVxlan("ip proto 47 or udp port 4789 or net 10.0.0.0/8"), 0);
  assert.ok((await countVxlan("udp port 51820")) > 5);
  for (const { gateway } of sides) await healthy(gateway);

  for (const { gateway } of sides) {
    await configure(gateway, { segments: JSON.stringify(meshSegments), "encryption.peers": "[]" });
    assert.not.match(await gateway.ok("ip -br link; ip rule; nft list ruleset"), /mesh-wg|23633|51820/);
  }
  await Promise.all([a.renew(), b.renew()]);
  await a.address(ROUTED4);
  await a.reaches(await b.address(ROUTED4));
  await asBefore(() => traces(a.gateway), before);
});

tests.run();
