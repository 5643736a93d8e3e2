// SPDX-License-Identifier: Apache-2.0
/** What is done to a host, said to its network management, and undone. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setClaim } from "../../src/executor/operations/claim.ts";
import { setDhcpClient } from "../../src/executor/operations/dhcp.ts";
import { setFirewall } from "../../src/executor/operations/firewall.ts";
import { setInterfaceSysctl, setSysctl } from "../../src/executor/operations/kernel.ts";
import { setBackstore, setIscsiTarget } from "../../src/executor/operations/target.ts";
import { Ours } from "../../src/executor/ours.ts";
import { prepare } from "../../src/executor/prepare.ts";
import { release } from "../../src/executor/release.ts";
import { findServiceUser } from "../../src/executor/serviceUser.ts";
import type { FirewallOperation } from "../../src/protocol/operations.ts";
import { toProblem } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { environmentOf, machineOf } from "../../src/shared/machine.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import type { Tree } from "../support/tree.ts";

const test = suite<{ executor: TestExecutor }>("a host");
test.before.each((context) => {
  const executor = testExecutor();
  const at = (name: string) => join(executor.tree.root, name);
  executor.context.host = { etc: at("etc"), run: at("host-run"), dhcpScript: "/usr/lib/scsigate/udhcpc.script" };
  for (const folder of ["etc/systemd/network", "etc/NetworkManager/conf.d"]) mkdirSync(at(folder), { recursive: true });
  for (const running of ["host-run/systemd/netif", "host-run/NetworkManager"])
    mkdirSync(at(running), { recursive: true });
  context.executor = executor;
});
test.after.each(({ executor }) => executor.tree.dispose());

function read(tree: Tree, path: string): string {
  return tree.read(path) ?? "";
}

const NETWORKD = "etc/systemd/network/00-scsigate.network";
const MANAGER = "etc/NetworkManager/conf.d/90-scsigate.conf";

test("both managers are told what is ours, once", async ({ executor: { context, tree, commands } }) => {
  const operation = { kind: "claim", interfaces: ["eth1", "seg0"] } as const;
  assert.is(await setClaim({ ...operation, interfaces: [...operation.interfaces] }, context), true);
  assert.match(read(tree, NETWORKD), "[Match]\nName=eth1 seg0\n\n[Link]\nUnmanaged=yes");
  assert.match(read(tree, MANAGER), "unmanaged-devices+=interface-name:eth1;interface-name:seg0");
  assert.equal(commands, ["networkctl reload", "nmcli general reload conf"]);
  assert.is(await setClaim({ ...operation, interfaces: [...operation.interfaces] }, context), false);
  assert.is(commands.length, 2);
});

test("when nothing is ours any more, both files are gone and both are told", async ({ executor }) => {
  const { context, tree, commands } = executor;
  await setClaim({ kind: "claim", interfaces: ["eth1"] }, context);
  assert.is(await setClaim({ kind: "claim", interfaces: [] }, context), true);
  assert.not.ok(existsSync(join(tree.root, NETWORKD)) || existsSync(join(tree.root, MANAGER)));
  assert.is(commands.length, 4);
  assert.is(await setClaim({ kind: "claim", interfaces: [] }, context), false);
});

test("a manager that does not answer keeps nothing from being done", async ({ executor: { context, tree } }) => {
  context.run = () => Promise.reject(new Error("no bus"));
  assert.is(await setClaim({ kind: "claim", interfaces: ["eth1"] }, context), true);
  assert.match(read(tree, NETWORKD), "eth1");
});

test("on an appliance nobody is told", async ({ executor: { context, commands } }) => {
  const { host: _, ...alone } = context;
  assert.is(await setClaim({ kind: "claim", interfaces: ["eth1"] }, alone), false);
  assert.equal(commands, []);
});

test("a DHCP client keeps its state with ours, and its default route behind the host's", async ({ executor }) => {
  const { context, started, tree } = executor;
  const operation = { interface: "eth1", running: true, hostname: "gateway", defaultRoute: true };
  await setDhcpClient({ kind: "dhcpClient", ...operation }, context);
  assert.match(started[0] ?? "", "-s /usr/lib/scsigate/udhcpc.script");
  assert.match(started[0] ?? "", `RUN=${join(tree.root, "run")} METRIC=65000`);
});

const FIREWALL: FirewallOperation = {
  ...{
    kind: "firewall",
    lan: [],
    storage: [],
    segments: [{ name: "seg0", routed: [] }],
    only: ["seg0"],
    antiSpoofing: true,
  },
  ...{
    management: { interfaces: [], sources: [], ports: [], udpPorts: [] },
    fabric: { interfaces: [], ports: [] },
    mdns: [],
  },
  ...{ newConnectionsPerSecond: 100, connectionsPerAddress: 200, isolateSegments: false, nat: false },
  ...{ timeServer: false, mesh: { lan: [], tunnels: [], peers: [] }, vxlanPeers: [], portForwards: [], rules: [] },
};

test("released, the host is as it was found", async ({ executor: { context, tree, commands } }) => {
  tree.write({ "proc/sys/net/ipv4/conf/eth1/proxy_arp": 0 });
  await setClaim({ kind: "claim", interfaces: ["eth1", "seg0"] }, context);
  await setSysctl({ kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 }, context);
  await setInterfaceSysctl({ kind: "interfaceSysctl", interface: "eth1", name: "proxy_arp", value: 1 }, context);
  await setFirewall(FIREWALL, context);
  commands.length = 0;
  assert.is(await release(context), true);
  assert.is(read(tree, "proc/sys/net/ipv4/ip_forward"), "0");
  assert.is(read(tree, "proc/sys/net/ipv4/conf/eth1/proxy_arp"), "0");
  assert.ok(commands.includes("nft table inet scsigate; delete table inet scsigate"));
  assert.not.ok(existsSync(join(tree.root, NETWORKD)));
  assert.not.ok(existsSync(join(tree.root, "run/scsigate")));
});

test("released, folders that we made in LIO go, and those that somebody uses stay", async ({ executor }) => {
  const { context, targetFs } = executor;
  await setBackstore({ kind: "backstore", segment: "seg0" }, context);
  const named = { target: "iqn.2026-11.org.scsigate:seg0", portals: ["0.0.0.0:3260"], initiators: ["iqn.a"] };
  await setIscsiTarget({ kind: "iscsiTarget", segment: "seg0", ...named, driverDisk: false }, context);
  await targetFs.make("loopback");
  await targetFs.make("loopback/naa.3000000000000009");
  await new Ours(context.paths.run, "segments").note("seg0");
  assert.is(await release(context), true);
  assert.equal(await targetFs.list("core"), []);
  assert.is(await targetFs.exists("iscsi"), false);
  assert.is(await targetFs.exists("loopback/naa.3000000000000009"), true);
});

test("what the host had set itself stays set", async ({ executor: { context, tree } }) => {
  tree.write({ "proc/sys/net/ipv4/ip_forward": 1 });
  await setSysctl({ kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 }, context);
  await release(context);
  assert.is(read(tree, "proc/sys/net/ipv4/ip_forward").trim(), "1");
});

test("what cannot be given back is told, and the rest is given back", async ({ executor: { context, tree } }) => {
  await setSysctl({ kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 }, context);
  await setFirewall(FIREWALL, context);
  context.run = () => Promise.reject(new Error("nft is gone"));
  assert.is(await release(context), false);
  assert.is(read(tree, "proc/sys/net/ipv4/ip_forward"), "0");
});

test("ports below 1024 stay the host's", ({ executor: { context, tree } }) => {
  tree.write({ "proc/sys/net/ipv4/ip_unprivileged_port_start": 1024 });
  const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  prepare(context.paths, user, silentLogger(), true);
  assert.is(read(tree, "proc/sys/net/ipv4/ip_unprivileged_port_start").trim(), "1024");
});

test("the service's user has whatever number the host gave it", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nscsigate:x:107:113:scsigate:/nonexistent:/usr/sbin/nologin\n";
  assert.equal(findServiceUser(passwd), { uid: 107, gid: 113 });
  for (const text of ["", "scsigatex:x:1:1::/:/bin/sh", "scsigate:x:0:0::/:/bin/sh", "scsigate"]) {
    let code = "";
    try {
      findServiceUser(text);
    } catch (error) {
      code = toProblem(error).code;
    }
    assert.is(code, "user-missing", text);
  }
});

test("an appliance needs nothing in its environment, and a child sees what its parent does", () => {
  assert.equal(machineOf({}), { guest: false, run: "/run", data: "/data" });
  const host = { guest: true, run: "/run/scsigate", data: "/var/lib/scsigate" };
  assert.equal(machineOf(environmentOf(host)), host);
});

test.run();
