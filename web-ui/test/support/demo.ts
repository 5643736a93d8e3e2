// SPDX-License-Identifier: Apache-2.0
/** A gateway in the middle of its work: two segments, six stations, traffic, a broker, an administrator. */
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  FakeImage,
  fakeIp,
  freshImage,
  startGateway,
  TestBroker,
  type TestGateway,
  writeLink,
  writePeer,
  writeSegment,
} from "@scsigate/appliance/testing";

export const USER = "operator";
export const PASSWORD = "correct horse battery";
const TARGET = "iqn.2026-11.org.scsigate:seg0";
const HOSTS = ["orion", "rigel", "vega", "altair"];

/** Bytes a second that come in. */
const AMOUNTS = { eth0: 9_000_000, eth1: 8_200_000, seg0: 8_000_000, seg1: 1_000_000 };

export interface Demo {
  gateway: TestGateway;
  broker: TestBroker;
  url: string;
  /** Names of the stations of seg0, by address. */
  stations: Record<string, string>;
  /** Gives the first station of seg1 another name. */
  rename(name: string): void;
  /** Restarts that were asked for. */
  asked: string[];
  stop(): Promise<void>;
}

/** @param web folder of the built page */
export async function startDemo(web: string): Promise<Demo> {
  const broker = new TestBroker();
  await broker.start();
  const asked: string[] = [];
  const gateway = await startGateway({
    restart: () => asked.push("restart"),
    reboot: () => asked.push("reboot"),
    web,
    run: machine,
    firewall: () => '  counter packets 1234 bytes 98304 drop comment "no telnet"',
    ping: () =>
      "1 packets transmitted, 1 received, 0% packet loss, time 0ms\nrtt min/avg/max/mdev = 0.380/0.380/0.380/0.000 ms\n",
    image: (data) => new FakeImage(() => data, freshImage()),
    config: {
      version: 1,
      hostname: "rack4-gateway",
      storage: { interface: "eth1", ipv4: { method: "static", address: "172.16.4.1/24" } },
      segments: [
        {
          name: "seg0",
          fabric: {
            type: "iscsi",
            target: TARGET,
            initiators: HOSTS.map((name) => `iqn.2026-11.org.scsigate:${name}`),
          },
        },
        {
          name: "seg1",
          fabric: { type: "loop" },
          stations: [{ address: mac(9), name: "lab-b", ipv4: "10.143.1.21" }],
        },
      ],
      mqtt: { enabled: true, url: `mqtt://127.0.0.1:${broker.port}` },
    },
  });
  const { tree } = gateway;
  writeLink(tree, "eth1", { index: 4, address: "52:54:00:12:34:57" });
  writeSegment(tree, "seg1", { index: 5, address: "02:aa:bb:cc:dd:ef" });
  tree.remove("sys/class/net/seg0/ipscsi/peers");
  for (const name of ["ipscsi", "target_core_mod", "ipscsi_target", "iscsi_target_mod", "tcm_loop"]) {
    tree.write({ [`sys/module/${name}/refcnt`]: 1 });
  }
  tree.write({ "proc/sys/net/ipv4/ip_forward": 1 });
  exportSegment(gateway, "seg0", `iscsi/${TARGET}/tpgt_1`, true);
  exportSegment(gateway, "seg1", "loopback/naa.6001405aabbccdd1/tpgt_1", false);
  const soon = Math.floor(Date.now() / 1000) + 3000;
  tree.write({
    "data/dhcp/seg0.leases": HOSTS.map((name, at) => `${soon + 71 * at} ${mac(at)} 10.143.0.${20 + at} ${name} *`).join(
      "\n",
    ),
    "data/dhcp/seg1.leases": [`${soon} ${mac(8)} 10.143.1.20 lab-a *`, `${soon} ${mac(9)} 10.143.1.21 lab-b *`].join(
      "\n",
    ),
  });
  const sums: Record<string, number> = {};
  let beat = 0;
  let first = "lab-a";
  const traffic = () => {
    beat += 1;
    for (const [at, name] of HOSTS.entries()) station(gateway, "seg0", at, name, beat * (at + 1));
    station(gateway, "seg1", 8, first, beat);
    station(gateway, "seg1", 9, "lab-b", beat);
    for (const [name, bytes] of Object.entries(AMOUNTS)) {
      sums[name] = (sums[name] ?? 0) + bytes * (1 + Math.sin(beat / 3) / 3);
      link(gateway, name, sums[name]);
    }
  };
  traffic();
  const timer = setInterval(traffic, 1000);
  await makeAdministrator(gateway, USER);
  return {
    gateway,
    broker,
    asked,
    stations: Object.fromEntries(HOSTS.map((name, at) => [mac(at), name])),
    rename(name) {
      first = name;
    },
    url: `https://127.0.0.1:${gateway.service.ports.https}/`,
    async stop() {
      clearInterval(timer);
      await gateway.stop();
      await broker.stop();
    },
  };
}

/** The first one, by the token that the console shows. */
export async function makeAdministrator(gateway: TestGateway, name: string): Promise<void> {
  const body = JSON.stringify({ token: setupToken(gateway), name, password: PASSWORD });
  const headers = { "Content-Type": "application/json" };
  const { status, body: said } = await gateway.get("/api/v1/setup", { method: "POST", headers, body });
  if (status !== 200) throw new Error(said);
}

export function setupToken(gateway: TestGateway): string {
  return gateway.token;
}

function mac(at: number): string {
  return `02:11:22:33:44:${(10 + at).toString(16).padStart(2, "0")}`;
}

function station(gateway: TestGateway, segment: string, at: number, name: string, amount: number): void {
  const bytes = amount * 700_000;
  const sent = Math.floor(bytes * 0.3);
  writePeer(gateway.tree, segment, mac(at), {
    name,
    state: name === "altair" ? "stalled" : "up",
    counters: {
      ...{ rx_bytes: bytes, rx_packets: Math.floor(bytes / 1400), tx_bytes: sent, tx_packets: Math.floor(sent / 1400) },
      ...{ commands: Math.floor(bytes / 9000), tx_dropped: name === "altair" ? 12 : 0 },
    },
    driver: {
      ...{ rx_messages: Math.floor(bytes / 12_000), tx_messages: Math.floor(bytes / 30_000) },
      ...{ unit_attention: 1, tx_queue_full: name === "altair" ? 12 : 0 },
    },
  });
}

function link(gateway: TestGateway, name: string, bytes: number): void {
  gateway.tree.write({
    [`sys/class/net/${name}/statistics/rx_bytes`]: Math.floor(bytes),
    [`sys/class/net/${name}/statistics/tx_bytes`]: Math.floor(bytes * 0.4),
  });
}

function exportSegment(gateway: TestGateway, segment: string, tpg: string, acl: boolean): void {
  const { tree } = gateway;
  const target = "sys/kernel/config/target";
  tree.write({ [`${target}/core/ipscsi_0/${segment}/enable`]: 1 });
  if (acl) tree.write({ [`${target}/${tpg}/enable`]: 1 });
  for (const name of acl ? HOSTS : []) tree.write({ [`${target}/${tpg}/acls/${name}/info`]: `InitiatorName: ${name}` });
  const reference = join(tree.root, target, tpg, "lun/lun_0/scsigate");
  mkdirSync(dirname(reference), { recursive: true });
  symlinkSync(join(tree.root, target, "core/ipscsi_0", segment), reference);
}

/** What programs print on this machine; all else is as in every test. */
const machine: typeof fakeIp = async (file, args, options) => {
  if (file === "chronyc") return "0A000201,10.0.2.1,3,1763862000.1,-0.000412,0,0,0,0,0,0,0,0,Normal\n";
  if (file !== "ip") return fakeIp(file, args, options);
  if (args.includes("route")) {
    return JSON.stringify([
      { dst: "default", gateway: "10.0.2.1", dev: "eth0" },
      { dst: "10.0.2.0/24", dev: "eth0" },
      { dst: "172.16.4.0/24", dev: "eth1" },
      { dst: "10.143.0.0/24", dev: "seg0" },
      { dst: "10.143.1.0/24", dev: "seg1" },
    ]);
  }
  if (args.includes("address")) {
    const own: [string, string][] = [
      ["eth0", "10.0.2.20"],
      ["eth1", "172.16.4.1"],
      ["seg0", "10.143.0.1"],
      ["seg1", "10.143.1.1"],
    ];
    return JSON.stringify(
      own.map(([ifname, local]) => ({
        ifname,
        addr_info: [{ family: "inet", local, prefixlen: 24, scope: "global" }],
      })),
    );
  }
  return fakeIp(file, args, options);
};
