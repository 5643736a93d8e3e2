// SPDX-License-Identifier: Apache-2.0
import { renameSync, utimesSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KeptReadings, namesInOrder } from "../../src/observe/files.ts";
import { parseFirewallCounters } from "../../src/observe/firewallCounters.ts";
import { askIp, parseAddresses, parseNeighbours, parseRoutes, parseUnanswered } from "../../src/observe/ipJson.ts";
import { parseLeases } from "../../src/observe/leases.ts";
import { Sysfs } from "../../src/observe/sysfs.ts";
import type { CommandRunner } from "../../src/shared/commands.ts";
import { type Tree, temporaryTree, writeLink, writePeer, writeSegment } from "../support/tree.ts";

const sysfs = suite<{ tree: Tree; sysfs: Sysfs }>("sysfs");

sysfs.before.each((context) => {
  context.tree = temporaryTree();
  context.sysfs = new Sysfs(`${context.tree.root}/sys`);
});
sysfs.after.each((context) => context.tree.dispose());

sysfs(
  "a file that did not change is not read again; one that was written just now, or is another one, is",
  ({ tree }) => {
    let reads = 0;
    const reading = new KeptReadings((text) => {
      reads += 1;
      return text;
    });
    const path = join(tree.root, "kept");
    const [HOUR, old] = [3600, Date.now() / 1000];
    assert.is(reading.read(path), "");
    tree.write({ kept: "one" });
    assert.is(reading.read(path), "one");
    tree.write({ kept: "two" });
    assert.is(reading.read(path), "two", "in the same moment, of the same size");
    utimesSync(path, old - HOUR, old - HOUR);
    assert.is(reading.read(path), "two");
    const before = reads;
    assert.is(reading.read(path), "two");
    assert.is(reads, before);
    tree.write({ other: "six" });
    utimesSync(join(tree.root, "other"), old - HOUR, old - HOUR);
    renameSync(join(tree.root, "other"), path);
    assert.is(reading.read(path), "six");
    tree.remove("kept");
    assert.is(reading.read(path), "");
  },
);

sysfs("physical Ethernets are found in order of discovery; lo, segments and bridges are none", ({ tree, sysfs }) => {
  writeLink(tree, "enp3s0", { index: 5, address: "52:54:00:00:00:05" });
  writeLink(tree, "zz0", { index: 2, address: "52:54:00:00:00:02" });
  writeLink(tree, "br0", { index: 3, address: "52:54:00:00:00:03", physical: false });
  writeSegment(tree, "seg0", { index: 4, address: "02:00:00:00:00:04" });
  tree.write({ "sys/class/net/lo/type": 772, "sys/class/net/lo/ifindex": 1, "sys/class/net/bonding_masters": "" });
  assert.equal(
    sysfs.ethernets().map((card) => card.name),
    ["zz0", "enp3s0"],
  );
  assert.equal(sysfs.segments(), ["seg0"]);
});

sysfs("a segment with its stations", ({ tree, sysfs }) => {
  writeSegment(tree, "seg0", { index: 4, address: "02:00:00:00:00:04", counters: { rx_bytes: 77 } });
  writePeer(tree, "seg0", "02:00:00:00:00:0b", { name: "b" });
  writePeer(tree, "seg0", "02:00:00:00:00:0a", { name: "a", counters: { tx_packets: 5, commands: 9 } });
  const segment = sysfs.segment("seg0");
  assert.is(segment?.counters.rx_bytes, 77);
  assert.is(segment?.mtu, 65280);
  assert.equal(
    segment?.peers.map((peer) => peer.name),
    ["a", "b"],
  );
  assert.is(segment?.peers[0]?.counters.tx_packets, 5);
  assert.is(segment?.peers[0]?.counters.commands, 9);
  assert.equal(segment?.peers[0]?.features, ["ext", "get"]);
});

sysfs(
  "what the driver counted of each station, without zeros; nothing of a driver that does not",
  ({ tree, sysfs }) => {
    writePeer(tree, "seg0", "02:00:00:00:00:0a", { driver: { timeout: 2, retries: 0, rx_forged: 1 } });
    writePeer(tree, "seg0", "02:00:00:00:00:0b", { driver: { timeout: 0 } });
    writePeer(tree, "seg0", "02:00:00:00:00:0c");
    assert.equal(
      [...sysfs.stationCounters("seg0")],
      [
        ["02:00:00:00:00:0a", { rx_forged: 1, timeout: 2 }],
        ["02:00:00:00:00:0b", {}],
      ],
    );
    assert.is(sysfs.stationCounters("none").size, 0);
  },
);

sysfs("what is not there is undefined; a station that leaves while it is read is left out", ({ tree, sysfs }) => {
  assert.is(sysfs.link("none"), undefined);
  assert.is(sysfs.segment("none"), undefined);
  writeSegment(tree, "seg0", { index: 4, address: "02:00:00:00:00:04" });
  tree.write({ "sys/class/net/seg0/ipscsi/peers/02:00:00:00:00:0a/name": "half" });
  assert.equal(sysfs.segment("seg0")?.peers, []);
});

sysfs("no carrier when the interface is down and the file cannot be read", ({ tree, sysfs }) => {
  writeLink(tree, "eth0", { index: 2, address: "52:54:00:00:00:02" });
  tree.remove("sys/class/net/eth0/carrier");
  assert.is(sysfs.link("eth0")?.carrier, false);
});

sysfs.run();

const texts = suite("leases and ip -j");

texts("dnsmasq's leases", () => {
  const text = [
    "1900000000 02:11:22:33:44:0A 10.143.0.20 station-a 01:02:11:22:33:44:0a",
    "0 02:11:22:33:44:0b 10.143.0.21 * *",
    "duid 00:01:00:01:aa",
    "1900000000 17 fd00::5 station-c 00:01",
    "garbage",
    "",
  ].join("\n");
  assert.equal(parseLeases(text), [
    { expires: 1900000000, address: "02:11:22:33:44:0a", ip: "10.143.0.20", name: "station-a" },
    { expires: 0, address: "02:11:22:33:44:0b", ip: "10.143.0.21", name: "" },
  ]);
});

texts("property: no lease file makes the parser throw", () => {
  fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseLeases(text))));
});

texts("addresses, routes and neighbours", () => {
  const addresses = parseAddresses(
    JSON.stringify([
      {},
      { ifname: "lo", addr_info: [{ family: "inet", local: "127.0.0.1", prefixlen: 8, scope: "host" }] },
      { ifname: "eth0", addr_info: [{ family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" }, {}] },
    ]),
  );
  assert.equal(addresses.get("lo"), [{ family: "inet", cidr: "127.0.0.1/8", scope: "host" }]);
  assert.is(addresses.get("eth0")?.length, 1);
  assert.equal(
    parseRoutes(
      '[{"dst":"default","gateway":"10.0.2.2","dev":"eth0"},{"dst":"10.0.2.0/24","dev":"eth0"},{"dst":"10.3.0.0/24","dev":"eth0","protocol":"bird"}]',
    ),
    [
      { destination: "default", interface: "eth0", gateway: "10.0.2.2" },
      { destination: "10.0.2.0/24", interface: "eth0" },
      { destination: "10.3.0.0/24", interface: "eth0", learned: true },
    ],
  );
  const neighbours =
    '[{"dst":"10.1.0.2","dev":"seg0","lladdr":"02:AA:00:00:00:01","state":["STALE"]},{"dst":"10.1.0.3","dev":"seg0","state":["FAILED"]}]';
  assert.equal(parseNeighbours(neighbours), [{ interface: "seg0", ip: "10.1.0.2", address: "02:aa:00:00:00:01" }]);
  assert.ok(parseUnanswered(neighbours).has("seg0 10.1.0.3"));
  assert.equal(parseRoutes(""), []);
});

texts("what the firewall's rules have counted, a rule of both versions of IP as one", () => {
  const listing = `table inet scsigate {
	chain forward {
		iifname "eth0" ip saddr 10.0.0.0/8 tcp dport 80 counter packets 3 bytes 180 accept comment "web. a"
		iifname "eth0" ip6 saddr fd00::/8 tcp dport 80 counter packets 2 bytes 160 accept comment "web. a"
		iifname "eth1" counter packets 9 bytes 900 drop
		counter packets 0 bytes 0 reject comment "no"
	}
}`;
  assert.equal(parseFirewallCounters(listing), [
    { name: "web. a", packets: 5, bytes: 340 },
    { name: "no", packets: 0, bytes: 0 },
  ]);
  assert.equal(parseFirewallCounters("\n"), []);
});

texts("several questions to ip: each parser takes what is its own", async () => {
  const asked: string[] = [];
  const run: CommandRunner = async (_, args, options) => {
    asked.push(`${args.join(" ")} < ${options?.input}`);
    return [
      '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.2.15","prefixlen":24}]}]',
      "",
      '[{"dst":"default","gateway":"10.0.2.2","dev":"eth0"}]',
      "[]\n",
    ].join("\n");
  };
  const answers = await askIp(run, "address show", "route show");
  assert.equal(asked, ["-j -batch - < address show\nroute show\n"]);
  assert.is(parseAddresses(answers).get("eth0")?.[0]?.cidr, "10.0.2.15/24");
  assert.is(parseAddresses(answers).size, 1);
  assert.equal(parseRoutes(answers), [{ destination: "default", interface: "eth0", gateway: "10.0.2.2" }]);
});

texts("names in the order of their numbers", () => {
  const tree = temporaryTree();
  const names = ["host10", "host2", "host2b", "host", "2", "10", "fc_host1", "host2:0:10", "host2:0:9"];
  tree.write(Object.fromEntries(names.map((name) => [name, ""])));
  assert.equal(namesInOrder(tree.root), [
    "2",
    "10",
    "fc_host1",
    "host",
    "host2",
    "host2:0:9",
    "host2:0:10",
    "host2b",
    "host10",
  ]);
  tree.dispose();
});

texts.run();
