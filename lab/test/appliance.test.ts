// SPDX-License-Identifier: Apache-2.0
// The supervisor at work: what it tells, modes that change while it runs, changes that undo themselves, power cuts.
import * as assert from "uvu/assert";
import { exec } from "../src/process.ts";
import { api, apply, configure, transaction, tried } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { scaled, waitFor } from "../src/time.ts";
import { cluster, lanAddresses, segmentGateway } from "../src/topologies/cluster.ts";
import type { Bench } from "../src/vm/bench.ts";
import type { Vm } from "../src/vm/vm.ts";

/** A part of the LAN's subnet that role-lan does not give out. */
const PROXY_ADDRESS = "192.168.77.225/28";
const GATEWAY_MAC = "52:54:00:5c:51:10";
/** How soon a station that detaches must be told of, milliseconds. */
const EVENT_TIMEOUT = 2000;
/** The same for one that dies: the cable's TCP and the target core notice first. */
const DEATH_TIMEOUT = 5000;
/** For the machine to follow a change, a lease to come, an adapter to connect again: milliseconds. */
const FOLLOW_TIMEOUT = 60_000;
/** The shortest that there is, seconds. */
const LOCK_OUT_SECONDS = Math.max(10, Math.round(scaled(10_000) / 1000));

interface IpAddress {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string }[];
}

interface Peer {
  readonly segment: string;
  readonly address: string;
  readonly name: string;
  readonly ip: string | null;
  readonly state: string;
}

interface Status {
  readonly hostname: string;
  readonly localUrl: string | null;
  readonly mode: string;
  readonly health: { readonly status: string; readonly reasons: readonly unknown[] };
  readonly lan: { readonly interface: string; readonly addresses: readonly string[] };
  readonly segments: readonly { readonly name: string; readonly ips: readonly string[]; readonly stations: Peer[] }[];
  readonly mqtt: { readonly connected: boolean };
}

interface LinkEvent {
  readonly type: string;
  /** Station address. */
  readonly address: string;
}

const status = (gateway: Vm): Promise<Status> => api<Status>(gateway, "GET", "status");

async function healthy(gateway: Vm): Promise<void> {
  await waitFor("the gateway to be well", async () => (await status(gateway)).health.status === "ok", {
    timeout: FOLLOW_TIMEOUT,
    interval: 1000,
  });
}

/** The station's address, as soon as it is one of these and there is a way out. */
function addressOf(station: Vm, wanted: RegExp): Promise<string> {
  return waitFor(
    `${station.name} to have an address like ${wanted.source}`,
    async () => {
      const links = await station.json<IpAddress[]>("ip -j addr");
      const addresses = links.filter((link) => link.ifname.startsWith("seg")).flatMap((link) => link.addr_info);
      const route = await station.ok("ip route show default");
      return route === "" ? undefined : addresses.find(({ local }) => wanted.test(local))?.local;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
}

/** Has a station give its lease back and ask for another one, as after a cable was pulled. */
async function renew(station: Vm, wanted: RegExp): Promise<string> {
  await station.ok("killall -USR2 udhcpc && killall -USR1 udhcpc");
  return addressOf(station, wanted);
}

async function reaches(from: Vm, to: string, options = ""): Promise<void> {
  const ping = `ping -n -c 1 -W 2 ${options} ${to}`;
  await waitFor(`${from.name} to reach ${to}`, async () => (await from.run(ping)).code === 0, {
    timeout: FOLLOW_TIMEOUT,
  });
}

/** Data of the pings that are looked for, bytes: the gateway asks the LAN host by itself, too, and with other ones. */
const MARK = 77;
const HEADERS = 28;

/** Addresses of what a station sends to the LAN host, as they are when they arrive there. */
async function seenOnLan(bench: Bench, station: Vm): Promise<{ ip: string; mac: string }> {
  const lan = bench.vm("lan");
  const filter = `icmp[icmptype] = icmp-echo and dst host ${lanAddresses.lan} and ip[2:2] = ${HEADERS + MARK}`;
  const capture = lan.start(`tcpdump -Z root -l -n -e -i eth0 -c 1 '${filter}' 2>&1`);
  try {
    await waitFor("tcpdump to listen", () => capture.output.includes("listening on"), { timeout: 20_000 });
    await reaches(station, lanAddresses.lan, `-s ${MARK}`);
    const { stdout } = await capture.done;
    const [, mac, ip] = /^\S+ (\S+) > .* (\S+) > \S+: ICMP echo request/m.exec(stdout) ?? [];
    if (mac === undefined || ip === undefined) throw new Error(`tcpdump said: ${stdout}`);
    return { ip, mac };
  } finally {
    capture.kill();
  }
}

/** Everything that a mode could leave behind. */
function traces(gateway: Vm): Promise<string> {
  return gateway.ok(`
    nft -s -t list ruleset
    ip -br link; ip -br -4 addr; ip -4 route; ip rule; bridge link
    grep -H . /proc/sys/net/ipv4/conf/*/proxy_arp /sys/class/net/*/mtu
    find /run/scsigate/ours -type f | sort; ls /run/udhcpc; ls /run/scsigate/*.pid; cat /run/resolv.conf`);
}

/** Waits until nothing of another mode is left; else says what is. */
async function asBefore(gateway: Vm): Promise<void> {
  const same = async (): Promise<boolean> => (await traces(gateway)) === before;
  await waitFor("the state to be as before", same, { timeout: FOLLOW_TIMEOUT, interval: 1000 }).catch(async () =>
    assert.is(await traces(gateway), before),
  );
}

const stations = (bench: Bench): Vm[] => [bench.vm("station-a"), bench.vm("station-b")];
const ROUTED = { mode: "routed", "segments.0.ipv4.address": `${segmentGateway}/24` };
const ON_SEGMENT = /^10\.143\.0\./;

let before = "";

const tests = scenario("appliance", cluster, {
  prepare: async (bench) => {
    await Promise.all(stations(bench).map((station) => addressOf(station, ON_SEGMENT)));
    await healthy(bench.vm("gateway"));
    before = await traces(bench.vm("gateway"));
  },
});

tests.test("status, peers, health and the firewall's table are as things are", async (bench) => {
  const gateway = bench.vm("gateway");
  const { hostname, mode, health, lan, segments, mqtt } = await status(gateway);
  assert.is(hostname, "gateway");
  assert.is(mode, "routed");
  assert.equal(health, { status: "ok", reasons: [] });
  assert.equal([lan.interface, ...lan.addresses], ["eth0", `${lanAddresses.gateway}/24`]);
  assert.equal(
    segments.map(({ name, ips }) => ({ name, ips })),
    [{ name: "seg0", ips: [`${segmentGateway}/24`] }],
  );
  assert.ok(mqtt.connected);

  const wanted = await Promise.all(
    stations(bench).map(async (station) => ({
      segment: "seg0",
      name: station.name,
      address: await station.ok("cat /sys/class/net/seg0/address"),
      ip: await addressOf(station, ON_SEGMENT),
      state: "up",
    })),
  );
  const told = async (): Promise<Peer[]> => {
    const peers = await gateway.json<Peer[]>("scsigate peers --json");
    return peers
      .map(({ segment, name, address, ip, state }) => ({ segment, name, address, ip, state }))
      .sort((one, other) => one.name.localeCompare(other.name));
  };
  // It reads leases every few seconds.
  const known = async (): Promise<boolean> => (await told()).every(({ ip }) => ip !== null);
  await waitFor("it to know their addresses", known, { timeout: FOLLOW_TIMEOUT });
  assert.equal(await told(), wanted);
  assert.match(await gateway.ok("nft list table inet scsigate"), "hook input priority filter; policy drop;");
});

tests.test("the page is there for the LAN, by name as well, and not for stations", async (bench) => {
  await waitFor(
    "the gateway to have its name on the LAN",
    async () => (await status(bench.vm("gateway"))).localUrl === "https://gateway.local/",
    { timeout: FOLLOW_TIMEOUT },
  );
  const ask = (address: string): string => `curl -sk -m 15 https://${address}/health`;
  assert.equal(await bench.vm("lan").json(ask(lanAddresses.gateway)), { status: "ok", reasons: [] });
  await reaches(bench.vm("station-a"), segmentGateway);
  assert.is((await bench.vm("station-a").run(ask(segmentGateway))).code, 28, "curl's time-out");
});

tests.test("a bad value is refused with its code, its place and what to do", async (bench) => {
  const gateway = bench.vm("gateway");
  await gateway.ok("scsigate config set mode magic && scsigate config set segments.0.ipv4.address 10.143.0.0/24");
  const refused = await gateway.run("scsigate config apply --json");
  assert.is(refused.code, 1);
  const { code, error, nextStep } = JSON.parse(refused.stderr) as Record<string, string>;
  assert.is(code, "config-invalid");
  assert.match(error ?? "", '/mode: "magic" is not allowed');
  assert.ok((nextStep ?? "").length > 0);
  await gateway.ok("scsigate config set mode routed");
  const next = await gateway.run("scsigate config apply");
  assert.is(next.code, 1);
  assert.match(next.stderr, "/segments/0/ipv4/address: 10.143.0.0/24 is the first or last address of its subnet");
  await gateway.ok("scsigate config discard");
  assert.is(await gateway.ok("scsigate config diff"), "Nothing would change.");
  assert.is(await traces(gateway), before);
});

tests.test("mode nat: the LAN sees the gateway's address in the place of a station's", async (bench) => {
  const [a] = stations(bench) as [Vm];
  const own = await addressOf(a, ON_SEGMENT);
  assert.is((await seenOnLan(bench, a)).ip, own);
  await configure(bench.vm("gateway"), { mode: "nat" });
  assert.is((await seenOnLan(bench, a)).ip, lanAddresses.gateway);
  assert.is(await addressOf(a, ON_SEGMENT), own);
});

tests.test(
  "mode proxy: a station has an address of the LAN's subnet, and the gateway answers for it",
  async (bench) => {
    const [a] = stations(bench) as [Vm];
    await configure(bench.vm("gateway"), { mode: "proxy", "segments.0.ipv4.address": PROXY_ADDRESS });
    const own = await renew(a, /^192\.168\.77\.2[23]\d$/);
    assert.equal(await seenOnLan(bench, a), { ip: own, mac: GATEWAY_MAC });
    assert.match(await bench.vm("lan").ok(`ip neigh show ${own}`), GATEWAY_MAC);
  },
);

const DHCLIENT6 = "timeout 60 dhclient -6 -v -cf /dev/null -lf /run/dhclient6.leases -pf /run/dhclient6.pid";
const PREFIX6 = "fd77::";
const ON_LAN6 = /^fd77:/;

/** The LAN's router for IPv6 says: addresses of one's own making are welcome. */
async function announce(lan: Vm): Promise<void> {
  await lan.ok(`ip address add ${PREFIX6}1/64 dev eth0 nodad
    dnsmasq --conf-file=/dev/null --pid-file=/run/lab/radvd.pid --user=root --port=0 --interface=eth0 --bind-interfaces \\
      --enable-ra --ra-param=eth0,10 --dhcp-range=${PREFIX6},ra-only,64,10m`);
}

/** As if there never was one. */
async function fallSilent(lan: Vm, gateway: Vm): Promise<void> {
  await lan.ok(`kill $(cat /run/lab/radvd.pid); ip address del ${PREFIX6}1/64 dev eth0`);
  await gateway.ok("ip -6 address flush dev eth0 scope global; ip -6 route flush dev eth0 proto ra || :");
}

tests.test(
  "mode proxy, IPv6: a station's DHCPv6 client gets an address of the LAN's prefix, and the gateway answers for it",
  async (bench) => {
    const [a] = stations(bench) as [Vm];
    const [gateway, lan] = [bench.vm("gateway"), bench.vm("lan")];
    await announce(lan);
    try {
      await waitFor(
        "the gateway to have an address of the prefix",
        async () => (await status(gateway)).lan.addresses.some((address) => ON_LAN6.test(address)),
        { timeout: FOLLOW_TIMEOUT },
      );
      await configure(gateway, { "segments.0.ipv6.enabled": "true" });
      await a.ok(`${DHCLIENT6} -1 seg0 2>&1`);
      const own = await addressOf(a, ON_LAN6);
      await reaches(lan, own);
      assert.match(await lan.ok(`ip -6 neigh show ${own}`), GATEWAY_MAC);
      await reaches(a, `${PREFIX6}1`);
      await a.ok(`${DHCLIENT6} -r seg0 2>&1`);
      await configure(gateway, { "segments.0.ipv6.enabled": "false" });
      await waitFor("nobody to answer any more", async () => (await lan.run(`ping -n -c 1 -W 1 ${own}`)).code !== 0, {
        timeout: FOLLOW_TIMEOUT,
      });
    } finally {
      await fallSilent(lan, gateway);
    }
  },
);

tests.test("mode bridge: a station has an address of the LAN's DHCP server, and speaks for itself", async (bench) => {
  const [a] = stations(bench) as [Vm];
  const gateway = bench.vm("gateway");
  await configure(gateway, { mode: "bridge", "segments.0.ipv4.address": "auto" });
  const own = await renew(a, /^192\.168\.77\.1\d\d$/);
  const mac = await a.ok("cat /sys/class/net/seg0/address");
  assert.equal(await seenOnLan(bench, a), { ip: own, mac });
  assert.match(await bench.vm("lan").ok(`ip neigh show ${own}`), mac);
  await reaches(bench.vm("lan"), lanAddresses.gateway);
  // With the kernel's connection tracking of bridges, which the host that runs the unit tests may lack.
  const rules = [{ name: "in", action: "drop", from: "lan", to: "segments" }];
  await configure(gateway, { "firewall.rules": JSON.stringify(rules) });
  assert.equal(await seenOnLan(bench, a), { ip: own, mac });
  assert.is.not((await bench.vm("lan").run(`ping -c 2 -W 3 ${own}`)).code, 0, "the LAN opens nothing to the segment");
  await reaches(a, lanAddresses.gateway);
  const page = (host: Vm): Promise<string> =>
    host.ok(`nc -w 15 ${lanAddresses.gateway} 443 </dev/null && echo open || echo closed`);
  assert.is(await page(bench.vm("lan")), "open");
  assert.is(await page(a), "closed", "the page is for the LAN");
  await configure(gateway, { "firewall.rules": "[]" });
});

tests.test("back in mode routed, nothing of the other modes is left", async (bench) => {
  const gateway = bench.vm("gateway");
  await configure(gateway, ROUTED);
  await Promise.all(stations(bench).map((station) => renew(station, ON_SEGMENT)));
  for (const station of stations(bench)) {
    assert.is((await seenOnLan(bench, station)).ip, await addressOf(station, ON_SEGMENT));
  }
  await healthy(gateway);
  await asBefore(gateway);
});

const CHAP_TARGET = "iqn.2026-11.org.scsigate:chap";
const CHAP_HOST = "iqn.2026-11.org.scsigate:chap-host";
const CHAP = { user: "stations", password: "correct-horse", gatewayUser: "gateway", gatewayPassword: "battery-staple" };

/** What a host of the target gets by INQUIRY, or undefined when it is not let in. */
async function inquiry(bench: Bench, account: string, options = ""): Promise<string | undefined> {
  const url = `iscsi://${account}127.0.0.1:${bench.ports["iscsi"]}/${CHAP_TARGET}/0${options}`;
  return exec("iscsi-inq", ["-i", CHAP_HOST, url]).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}

tests.test(
  "CHAP: who does not know the password is not let in, and neither is a gateway that does not",
  async (bench) => {
    const gateway = bench.vm("gateway");
    const fabric = (authentication: string): string =>
      JSON.stringify({ type: "iscsi", target: CHAP_TARGET, initiators: [CHAP_HOST], authentication });
    const segment = { "segments.1": `{"name":"chap0","fabric":${fabric("none")}}` };
    await configure(gateway, { ...segment, chap: JSON.stringify(CHAP) });
    const right = `${CHAP.user}%${CHAP.password}@`;
    assert.match((await inquiry(bench, "")) ?? "nothing", "Peripheral Device Type");

    await configure(gateway, { "segments.1.fabric": fabric("chap") });
    assert.is(await inquiry(bench, ""), undefined, "without a password");
    assert.is(await inquiry(bench, `${CHAP.user}%wrong-password@`), undefined, "with a wrong one");
    assert.is(await inquiry(bench, `nobody%${CHAP.password}@`), undefined, "with a wrong name");
    assert.match((await inquiry(bench, right)) ?? "nothing", "Peripheral Device Type");

    await configure(gateway, { "segments.1.fabric": fabric("mutual") });
    const proof = (password: string): string => `?target_user=${CHAP.gatewayUser}&target_password=${password}`;
    assert.match((await inquiry(bench, right, proof(CHAP.gatewayPassword))) ?? "nothing", "Peripheral Device Type");
    assert.is(await inquiry(bench, right, proof("not-the-password")), undefined, "a gateway that is not ours");

    const adapters =
      await gateway.json<{ fabric: string; exports: { segment: string }[] }[]>("scsigate adapters --json");
    const exported = adapters.filter((adapter) => adapter.fabric === "iscsi").flatMap((adapter) => adapter.exports);
    assert.ok(exported.some((entry) => entry.segment === "chap0"));
    const logged = await gateway.ok("scsigate logs --lines 500; cat /data/scsigate/config.json; dmesg");
    for (const secret of [CHAP.password, CHAP.gatewayPassword]) assert.not.match(logged, secret);

    await gateway.ok("scsigate config unset chap && scsigate config unset segments.1");
    await gateway.ok("scsigate config apply && sleep 1");
    await waitFor("the target to go", async () => (await inquiry(bench, right)) === undefined, {
      timeout: FOLLOW_TIMEOUT,
    });
    await waitFor("the change to be carried out", async () => (await transaction(gateway)).state === "waiting", {
      timeout: FOLLOW_TIMEOUT,
    });
    await gateway.ok("scsigate config confirm");
    await healthy(gateway);
    await asBefore(gateway);
  },
);

/** Unlike udhcpc it asks anew when its carrier has been away, as what systems of today come with. */
const DHCPCD = "dhcpcd -4 -B -A -f /dev/null seg0 2>&1";

tests.test("another subnet: a station asks at once, and once more when the change is undone", async (bench) => {
  const [gateway, station] = [bench.vm("gateway"), bench.vm("station-a")];
  const carrier = "cat /sys/class/net/seg0/carrier_changes";
  await station.ok("mkdir -p /var/lib/dhcpcd && killall udhcpc && ip -4 addr flush dev seg0");
  const client = station.start(DHCPCD);
  try {
    await addressOf(station, ON_SEGMENT);
    const settings = await station.ok(carrier);
    // Nothing of this is about where addresses come from.
    await configure(gateway, { "segments.0.dhcp.leaseSeconds": "7200" });
    assert.is(await station.ok(carrier), settings);

    await tried(gateway, { "segments.0.ipv4.address": "10.144.0.1/24" });
    await addressOf(station, /^10\.144\.0\./);
    await reaches(station, "10.144.0.1");
    await api(gateway, "POST", "config/rollback", {});
    await addressOf(station, ON_SEGMENT);
    await reaches(station, lanAddresses.lan);
    // Away and back, twice.
    assert.is(Number(await station.ok(carrier)), Number(settings) + 4);
  } finally {
    client.kill();
    await client.done;
    void station.start("/usr/lib/lab/role-station");
  }
  await configure(gateway, { "segments.0.dhcp.leaseSeconds": "3600" });
  await addressOf(station, ON_SEGMENT);
  await healthy(gateway);
  await asBefore(gateway);
});

tests.test("a change that locks its owner out undoes itself", async (bench) => {
  const [gateway, lan] = [bench.vm("gateway"), bench.vm("lan")];
  await reaches(lan, lanAddresses.gateway);
  await apply(gateway, { "lan.ipv4": '{"method":"none"}' }, LOCK_OUT_SECONDS);
  const ping = `ping -n -c 1 -W 1 ${lanAddresses.gateway}`;
  await waitFor("the LAN to lose the gateway", async () => (await lan.run(ping)).code !== 0, {
    timeout: LOCK_OUT_SECONDS * 1000,
  });
  await reaches(lan, lanAddresses.gateway);
  const { state, reason } = await transaction(gateway);
  assert.is(state, "rolled-back");
  assert.is(reason, "it was not confirmed in time");
  await reaches(bench.vm("station-a"), lanAddresses.lan);
});

tests.test("a station that detaches, or dies, is told of at once", async (bench) => {
  const [, b] = stations(bench) as [Vm, Vm];
  const address = await b.ok("cat /sys/class/net/seg0/address");
  const subscription = bench.broker.subscribe("scsigate/#");
  const events = (type: string): number =>
    subscription.messages
      .filter(({ topic }) => topic.endsWith("/event"))
      .map(({ payload }) => JSON.parse(payload) as LinkEvent)
      .filter((event) => event.type === type && event.address === address).length;
  const toldOf = async (type: string, count: number, timeout: number): Promise<void> => {
    const from = Date.now();
    await waitFor(`${type} number ${count}`, () => events(type) === count, { timeout, interval: 20 });
    console.log(`  ${type} after ${Date.now() - from} ms`);
  };
  try {
    await waitFor("what is retained", () => subscription.last(/\/state$/), { timeout: 15_000 });
    await b.ok("for device in /sys/bus/scsi/devices/*/ipscsi/segment; do echo none >$device; done");
    await toldOf("peer-down", 1, EVENT_TIMEOUT);
    await b.ok("for device in /sys/bus/scsi/devices/*/ipscsi/segment; do echo seg0 >$device; done");
    await toldOf("peer-up", 1, FOLLOW_TIMEOUT);
    await reaches(b, lanAddresses.lan);
    await b.kill();
    await toldOf("peer-down", 2, DEATH_TIMEOUT);
    await b.boot();
    await addressOf(b, ON_SEGMENT);
    await reaches(b, lanAddresses.lan);
  } finally {
    subscription.stop();
  }
});

const OTHER = { hostname: "renamed", mode: "nat" };
const MASQUERADE = "nft list table inet scsigate | grep -c masquerade";

tests.test("after a power cut between apply and confirm, the old configuration holds", async (bench) => {
  const gateway = bench.vm("gateway");
  await tried(gateway, OTHER);
  assert.is(await gateway.ok("hostname"), "renamed");
  assert.is(await gateway.ok(MASQUERADE), "1");
  await gateway.kill();
  await gateway.boot();
  await healthy(gateway);
  const { state, reason } = await transaction(gateway);
  assert.is(state, "rolled-back");
  assert.is(reason, "the gateway restarted before the change was confirmed");
  assert.is(await gateway.ok("hostname"), "gateway");
  assert.is(await gateway.ok("scsigate config get mode"), "routed");
  assert.is((await gateway.run(MASQUERADE)).stdout.trim(), "0");
});

tests.test("after a power cut right after confirm, the new configuration holds", async (bench) => {
  const gateway = bench.vm("gateway");
  await configure(gateway, OTHER);
  await gateway.kill();
  await gateway.boot();
  await healthy(gateway);
  assert.is(await gateway.ok("hostname"), "renamed");
  assert.is(await gateway.ok("scsigate config get mode"), "nat");
  assert.is(await gateway.ok("scsigate config diff"), "Nothing would change.");
  const [a] = stations(bench) as [Vm];
  assert.is((await seenOnLan(bench, a)).ip, lanAddresses.gateway);
});

tests.run();
