// SPDX-License-Identifier: Apache-2.0
// What a person does with a real gateway: the setup and a change in a browser; then, with stations, ping, capture,
// throughput, block and allow.
import { button, eventually, openPage, PASSWORD, strings, text, violations } from "@scsigate/web-ui/testing";
import * as assert from "uvu/assert";
import { api, CURL, configure, refusal } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { scaled, waitFor } from "../src/time.ts";
import { cluster, lanAddresses, segmentGateway } from "../src/topologies/cluster.ts";
import type { Vm } from "../src/vm/vm.ts";

const FOLLOW_TIMEOUT = 60_000;

interface Station {
  readonly address: string;
  readonly segment: string;
  readonly ips: readonly string[];
  readonly access: string;
  readonly provenInitiator: string | null;
}

/** The gateway's entry of a station, once it has an address. */
function stationOf(gateway: Vm, name: string): Promise<Station & { readonly ip: string }> {
  return waitFor(
    `${name} to have an address`,
    async () => {
      const list = await api<(Station & { name: string })[]>(gateway, "GET", "stations");
      const found = list.find((station) => station.name === name);
      const ip = found?.ips.find((one) => !one.includes(":"));
      return found === undefined || ip === undefined ? undefined : { ...found, ip };
    },
    { timeout: FOLLOW_TIMEOUT },
  );
}

async function pings(from: Vm, to: string): Promise<boolean> {
  return (await from.run(`ping -n -c 1 -W 1 ${to}`)).code === 0;
}

/** Waits until all of these are so. */
async function reaches(expected: boolean, ways: readonly (readonly [Vm, string])[]): Promise<void> {
  for (const [from, to] of ways) {
    await waitFor(
      `${from.name} ${expected ? "to reach" : "to lose"} ${to}`,
      async () => (await pings(from, to)) === expected,
      {
        timeout: FOLLOW_TIMEOUT,
      },
    );
  }
}

const tests = scenario("stations", cluster);

tests.test("in a browser: setup, another mode with real packets, a restart of the supervisor", async (bench) => {
  const [gateway, a, lan] = [bench.vm("gateway"), bench.vm("station-a"), bench.vm("lan")];
  const [, token = ""] = /setup token: (\S+)/.exec(gateway.console()) ?? [];
  const { browser, page, complaints } = await openPage();
  try {
    page.setDefaultTimeout(scaled(FOLLOW_TIMEOUT));
    const soon = (what: string, condition: () => Promise<boolean>): Promise<void> =>
      eventually(what, () => condition().catch(() => false), scaled(FOLLOW_TIMEOUT));
    await page.goto(`https://127.0.0.1:${bench.ports["https"]}/`);
    await page.getByRole("link", { name: strings.setup.start }).click();
    await page.getByLabel(strings.setup.token).fill(token);
    await page.getByLabel(strings.setup.name).fill("root");
    await page.getByLabel(strings.setup.password, { exact: true }).fill(PASSWORD);
    await page.getByLabel(strings.setup.repeat).fill(PASSWORD);
    await button(page, strings.setup.create).click();
    for (const step of ["basics", "network", "segment", "telemetry"] as const) {
      await page.getByTestId(`setup-${step}`).waitFor();
      if (step === "network") await page.getByRole("radio", { name: strings.modes["nat"] ?? "" }).check();
      await button(page, strings.setup.next).click();
    }
    assert.match(await text(page, "setup-summary"), "nat");
    await button(page, strings.plan.apply).click();
    await page.getByTestId("countdown").waitFor();
    await button(page, strings.transaction.keep).click();
    await soon("the first station", async () => (await text(page, "setup-done")).includes("station-"));
    assert.is(await gateway.ok("scsigate config get mode"), "nat");
    await page.getByRole("link", { name: strings.setup.toOverview }).click();
    await soon("both stations on the map", async () => {
      const map = (await page.getByTestId("map").textContent()) ?? "";
      return ["station-a", "station-b", lanAddresses.gateway].every((part) => map.includes(part));
    });
    assert.equal(await violations(page), []);
    await reaches(true, [[a, lanAddresses.lan]]);
    // The gateway asks it by itself, too: what the station sends has a length of its own.
    const seen = lan.start("tcpdump -Z root -l -n -i eth0 -c 1 'icmp[icmptype] == icmp-echo and ip[2:2] == 105' 2>&1");
    await waitFor("tcpdump to listen", () => seen.output.includes("listening on"), { timeout: 20_000 });
    await a.ok(`ping -n -c 10 -i 0.3 -W 3 -s 77 ${lanAddresses.lan}`);
    await seen.done;
    assert.match(seen.output, `${lanAddresses.gateway} > ${lanAddresses.lan}`, "the LAN sees no station's address");

    // Sessions outlive the service: the page finds the next one by itself, and goes on where it was.
    const back = page.waitForResponse((response) => response.url().endsWith("/api/v1/events") && response.ok(), {
      timeout: scaled(120_000),
    });
    await gateway.ok("killall -9 node");
    await back;
    await soon("the way back", async () => (await text(page, "connection")) === strings.connection.live);
    assert.is(await page.getByTestId("login").count(), 0);
    assert.equal(complaints, []);
  } finally {
    await browser.close();
  }
  await configure(gateway, { mode: "routed" });
});

tests.test("checks: ping, throughput, a capture of real packets", async (bench) => {
  const [gateway, a] = [bench.vm("gateway"), bench.vm("station-a")];
  const { address, ip } = await stationOf(gateway, "station-a");
  const path = `stations/${address}`;
  const ping = await api<{ ip: string; received: number }>(gateway, "POST", `${path}/ping`, { count: 3 });
  assert.is(ping.ip, ip);
  assert.ok(ping.received > 0, JSON.stringify(ping)); // the last one is not waited for
  const nobody = await refusal(gateway, "POST", `${path}/throughput`, { seconds: 1 });
  assert.is(nobody.code, "station-no-server");
  await a.ok("iperf3 -s -D; until ss -ltn | grep -q :5201; do sleep 0.1; done");
  const { toStation, fromStation } = await api<{ toStation: number; fromStation: number }>(
    gateway,
    "POST",
    `${path}/throughput`,
    { seconds: 1 },
  );
  assert.ok(toStation > 1e6 && fromStation > 1e6, `${toStation} ${fromStation}`);
  await a.ok("killall iperf3");
  await api(gateway, "POST", `${path}/capture`, { seconds: 10 });
  await a.ok(`ping -n -c 30 -i 0.2 ${lanAddresses.lan}`);
  const { capture } = await waitFor(
    "the capture to end",
    async () => {
      const now = await api<{ capture: { state: string; packets: number; reason: string } }>(gateway, "GET", "capture");
      return now.capture.state !== "running" && now;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
  assert.is(capture.state, "done", JSON.stringify(capture));
  const file = `${CURL} http://gateway/api/v1/capture/file`;
  assert.match(
    await gateway.ok(`${file} | tcpdump -Z root -n -r - 2>/dev/null`),
    new RegExp(`${ip} > ${lanAddresses.lan}`),
  );
});

tests.test("a blocked station reaches nobody and nobody reaches it; the other one goes on; and back", async (bench) => {
  const [gateway, a, b, lan] = ["gateway", "station-a", "station-b", "lan"].map((name) => bench.vm(name)) as [
    Vm,
    Vm,
    Vm,
    Vm,
  ];
  const one = await stationOf(gateway, "station-a");
  const other = await stationOf(gateway, "station-b");
  const ways = [
    [a, lanAddresses.lan],
    [a, other.ip],
    [b, one.ip],
    [lan, one.ip],
    [gateway, one.ip],
  ] as const;
  const others = [
    [b, lanAddresses.lan],
    [lan, other.ip],
    [gateway, other.ip],
  ] as const;
  await reaches(true, [...ways, ...others]);
  const { access } = await api<Station>(gateway, "PATCH", `stations/${one.address}`, { access: "block" });
  assert.is(access, "block");
  await reaches(false, ways);
  await reaches(true, others);
  assert.is(await gateway.ok("cat /sys/class/net/seg0/ipscsi/relay"), "0");
  await api<Station>(gateway, "PATCH", `stations/${one.address}`, { access: "allow" });
  await reaches(true, [...ways, ...others]);
  assert.is(await gateway.ok("cat /sys/class/net/seg0/ipscsi/relay; nft list tables | grep -c netdev; true"), "1\n0");
});

tests.test(
  "a station blocked by its initiator's name is not let in at all; the other one goes on; and back",
  async (bench) => {
    const [gateway, a, b] = [bench.vm("gateway"), bench.vm("station-a"), bench.vm("station-b")];
    const { address, provenInitiator } = await stationOf(gateway, "station-a");
    assert.is(provenInitiator, "iqn.2026-11.org.scsigate:station-a");
    const change = (of: object): Promise<Station> => api<Station>(gateway, "PATCH", `stations/${address}`, of);
    assert.is((await change({ initiator: provenInitiator })).address, address);
    await reaches(true, [[a, segmentGateway]]);
    await change({ access: "block" });
    await reaches(false, [[a, segmentGateway]]);
    const admitted = "ls /sys/kernel/config/target/iscsi/*/tpgt_1/acls";
    assert.is(await gateway.ok(admitted), "iqn.2026-11.org.scsigate:station-b");
    await reaches(true, [[b, segmentGateway]]);
    assert.is((await change({ access: "allow" })).access, "allow");
    await reaches(true, [[a, segmentGateway]]);
    await change({ initiator: null });
  },
);

tests.test("a reserved address and a name hold at the next lease", async (bench) => {
  const [gateway, a] = [bench.vm("gateway"), bench.vm("station-a")];
  const { address, ip } = await stationOf(gateway, "station-a");
  const reserved = ip.replace(/[0-9]+$/, "201");
  await api<Station>(gateway, "PATCH", `stations/${address}`, { reservedIp: reserved, name: "node-1" });
  await waitFor(
    "the station to have its address",
    async () => {
      await a.run("killall -USR2 udhcpc; killall -USR1 udhcpc");
      return (await a.ok("ip -br -4 addr")).includes(reserved);
    },
    { timeout: FOLLOW_TIMEOUT, interval: 2000 },
  );
  await reaches(true, [[a, lanAddresses.lan]]);
  assert.match(await bench.vm("station-b").ok("nslookup node-1.seg0.internal 2>&1"), new RegExp(reserved));

  // Its driver is loaded anew, as after a boot: it is the same station, by what its machine is.
  await a.ok("killall udhcpc; modprobe -r ipscsi; setsid /usr/lib/lab/role-station >/dev/null 2>&1 </dev/null &");
  await waitFor("the lease to be back", async () => (await a.ok("ip -br -4 addr")).includes(reserved), {
    timeout: FOLLOW_TIMEOUT,
  });
  const list = await api<(Station & { name: string })[]>(gateway, "GET", "stations");
  assert.equal(
    list.filter(({ name }) => name === "node-1").map((station) => station.address),
    [address],
  );
});

tests.test(
  "the LAN in a VLAN: packets have the tag, stations reach it; without it again, the lease is back",
  async (bench) => {
    const [gateway, a, lan] = ["gateway", "station-a", "lan"].map((name) => bench.vm(name)) as [Vm, Vm, Vm];
    const [there, here] = ["192.168.78.1", "192.168.78.2"];
    await lan.ok(`ip link add link eth0 name eth0.7 type vlan id 7; ip addr add ${there}/24 dev eth0.7
    ip link set eth0.7 up; ip route replace 10.143.0.0/24 via ${here} dev eth0.7`);
    const ipv4 = { method: "static", address: `${here}/24`, gateway: there };
    await configure(gateway, { lan: JSON.stringify({ vlan: 7, ipv4 }) });
    await reaches(true, [
      [gateway, there],
      [a, there],
      [lan, segmentGateway],
    ]);
    assert.not.match(
      await gateway.ok("ip -br -4 addr show dev eth0"),
      lanAddresses.gateway,
      "the lease of before is gone",
    );
    assert.is(await lan.ok(`curl -sk -o /dev/null -w '%{http_code}' https://${here}/`), "200", "the page");
    await lan.ok("ip link del eth0.7; ip route replace 10.143.0.0/24 via 192.168.77.2");
    await configure(gateway, { lan: "{}" });
    await reaches(true, [[a, lanAddresses.lan]]);
    assert.is.not((await gateway.run("ip link show lan.7")).code, 0);
  },
);

tests.run();
