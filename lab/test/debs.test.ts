// SPDX-License-Identifier: Apache-2.0
// Somebody's Debian machine. First as a station that has no driver: it gets it over the bus. Then as a gateway made of our
// package: it takes what it is given, and nothing else; installed, upgraded, removed and purged without a trace left or a
// connection cut.
import { connect, type Socket } from "node:net";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { packDebs } from "../src/build/packages.ts";
import { buildDir } from "../src/paths.ts";
import { exec } from "../src/process.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { segmentGateway, segmentTarget } from "../src/topologies/cluster.ts";
import { debian } from "../src/topologies/debian.ts";
import type { Bench } from "../src/vm/bench.ts";
import type { Vm } from "../src/vm/vm.ts";

/** A compiler under emulation, on a busy host. */
const BUILD_MS = 900_000;
const NEWER = "0.1.1";

const tests = scenario("debs", debian, { prepare });
const host = (bench: Bench): Vm => bench.vm("host");

function until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  return waitFor(what, probe, { timeout: 120_000 });
}

/** A connection through the host's own interface, as somebody's SSH session is one. */
let session: Socket;
let answered = "";
let ended = false;

const ECHO = 'require("net").createServer((socket) => socket.pipe(socket)).listen(7007)';

async function prepare(bench: Bench): Promise<void> {
  await packDebs({ folder: join(buildDir, "debs") });
  await packDebs({ folder: join(buildDir, "debs-newer"), version: NEWER });
  const vm = host(bench);
  // A unit of its own: it ends with nothing of ours.
  await vm.ok(`systemd-run --unit=echo node -e '${ECHO}' && until ss -ltn | grep -q :7007; do sleep 0.2; done`);
  session = connect(bench.ports["echo"] ?? 0, "127.0.0.1");
  session.on("data", (data) => {
    answered += data.toString();
  });
  for (const event of ["end", "close", "error"])
    session.on(event, () => {
      ended = true;
    });
}

let asked = 0;
async function sessionLives(): Promise<void> {
  asked += 1;
  const word = `question-${asked}.`;
  session.write(word);
  await until("the answer on the connection that was there before", async () => answered.endsWith(word) || ended);
  assert.not.ok(ended, "the connection was cut");
}

/**
 * All that the machine is to have afterwards as it had it before. Nothing here asks systemd, which answers on D-Bus within 25 s or not at
 * all: which units are enabled is the links in /etc/systemd, and what networkd does with an interface is in its files.
 */
const STATE = `
  ip -o addr show eth0; ip -o addr show eth1 | sed 's/valid_lft.*//'; ip route | sed 's/ src .*//' | sort
  sysctl -a 2>/dev/null | grep -E 'net\\.ipv[46]\\.(ip_forward|conf\\.(all|default|eth0|eth1)\\.(forwarding|proxy_arp|rp_filter|send_redirects|accept_ra)|ip_unprivileged_port_start)|kernel.hostname'
  nft list ruleset; hostname; readlink /etc/localtime; cat /etc/resolv.conf; getent passwd | sort
  for nic in eth0 eth1; do grep -H -E '^(ADMIN|OPER)_STATE=' /run/systemd/netif/links/$(cat /sys/class/net/$nic/ifindex); done
  find /etc /usr /lib /var/lib -xdev ! -path '*/dkms*' ! -path '*/dpkg/*' \\
      ! -path '/var/lib/systemd/*' ! -path '*/modules.*' ! -path '*/__pycache__*' ! -path '/var/lib/NetworkManager/*' ! -name '*-' ! -name .pwd.lock | sort`;
/** What networkd does with interfaces. It may be too busy to answer: ask again. */
const MANAGED = "networkctl --no-legend --no-pager";
let before = "";

tests.test("the target has two LUNs: the segment stays the first", async (bench) => {
  const type = async (lun: number) => {
    const url = `iscsi://127.0.0.1:${bench.ports["iscsi"]}/${segmentTarget}/${lun}`;
    return (await exec("iscsi-inq", ["-i", "iqn.2026-11.org.scsigate:station-b", url])).stdout;
  };
  assert.match(await type(0), "Peripheral Device Type:COMMUNICATIONS");
  assert.match(await type(1), "Peripheral Device Type:DIRECT_ACCESS");
});

tests.test(
  "a station without the driver finds the driver disk beside the segment, and cannot write to it",
  async (bench) => {
    const vm = host(bench);
    assert.is((await vm.run("modinfo ipscsi")).code, 1, "it has no driver");
    const disk = await until(
      "the driver disk",
      async () => (await vm.run("blkid -L SCSIGATE")).stdout.trim() || undefined,
    );
    assert.is(await vm.ok(`cat /sys/block/${basename(disk)}/ro`), "1");
    const generic = await vm.ok(`basename /sys/block/${basename(disk)}/device/scsi_generic/*`);
    // WRITE(10) of one block, past the kernel's own refusal.
    const write = `head -c 512 /dev/zero | sg_raw -s 512 /dev/${generic} 2a 00 00 00 00 00 00 00 01 00`;
    const refused = await vm.run(write);
    assert.is.not(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /Data Protect|[Ww]rite protected/);
    const segment = await vm.ok("grep -l 9 /sys/class/scsi_device/*:0/device/type | head -n 1");
    assert.ok(segment !== "", "LUN 0 is the segment, a communications device");
  },
);

tests.test("mounted and run as the page says, it installs the driver, and the station joins", async (bench) => {
  const vm = host(bench);
  const said = await vm.ok("mount -o ro LABEL=SCSIGATE /mnt && sh /mnt/install.sh 2>&1", { timeout: BUILD_MS });
  assert.match(said, "ipscsi-dkms");
  assert.match(said, "The driver is loaded");
  assert.match(await vm.ok("dkms status"), /ipscsi\/.*installed/);
  // networkd has a DHCP client on whatever looks like an Ethernet.
  await until("the segment's address", async () => (await vm.run("ip -4 addr show seg0 | grep -q inet")).code === 0);
  await vm.ok(`ping -c 3 -W 5 ${segmentGateway}`);
  await vm.ok("umount /mnt");
  await sessionLives();
});

tests.test("installed, our package changes nothing on the machine", async (bench) => {
  const vm = host(bench);
  for (const folder of ["debs", "debs-newer"]) {
    const version = folder === "debs" ? "0.1.0" : NEWER;
    const name = `scsigate_${version}_all.deb`;
    await vm.putFile(join(buildDir, folder, name), `/root/${name}`);
  }
  before = await vm.ok(STATE);
  const said = await vm.ok("dpkg -i /root/scsigate_0.1.0_all.deb 2>&1", { timeout: 180_000 });
  assert.match(said, "It has taken no network interface");
  await until("the page", async () => (await vm.run("curl -skf -m 5 https://127.0.0.1:8443/version")).code === 0);
  const ours = /scsigate/;
  const now = await vm.ok(STATE);
  const lines = (text: string): string[] => text.split("\n").filter((line) => !ours.test(line));
  assert.equal(lines(now), lines(before));
  await sessionLives();
});

const FABRIC = {
  type: "iscsi",
  target: "iqn.2026-11.org.scsigate:of-the-host",
  initiators: ["iqn.2026-11.org.scsigate:nobody"],
};
const CONFIG = {
  version: 1,
  lan: { interface: "eth1", ipv4: { method: "dhcp" } },
  segments: [{ name: "seg7", ipv4: { address: "10.77.7.1/24" }, fabric: FABRIC }],
  http: { port: 8080, httpsPort: 8443, publicHttpsPort: 8443 },
};

tests.test("it takes the interface that it is given, says so, and leaves the other one alone", async (bench) => {
  const vm = host(bench);
  await vm.ok("systemctl stop scsigate && cat >/var/lib/scsigate/scsigate/config.json", {
    input: JSON.stringify(CONFIG),
  });
  await vm.ok("chown scsigate: /var/lib/scsigate/scsigate/config.json && systemctl start scsigate");
  await until("the segment", async () => (await vm.run("ip -4 addr show seg7 | grep -q 10.77.7.1/24")).code === 0);
  await until("the LAN's address from our own client", async () => {
    return (await vm.run("pgrep -x udhcpc && ip -4 addr show eth1 | grep -q 192.168.77.")).code === 0;
  });
  assert.match(await vm.ok("journalctl -u scsigate -o cat"), /taken over: .*|"interfaces":\["eth1","seg7"\]/);
  const managed = await until("networkd's answer", async () => (await vm.run(MANAGED)).stdout.trim() || undefined);
  assert.match(managed, /eth0 +ether +routable +configured/);
  assert.match(managed, /eth1 +ether +\S+ +unmanaged/);
  assert.match(managed, /seg7 +ether +\S+ +unmanaged/);
  assert.is(await vm.ok("cat /proc/sys/net/ipv4/ip_forward"), "1");
  assert.match(
    await vm.ok("ip route show default"),
    "default via 10.0.2.2 dev eth0",
    "the host's own way out goes first",
  );
  await until("the firewall", async () =>
    (await vm.run("nft list table inet scsigate")).stdout.includes("10.77.7.0/24"),
  );
  await vm.ok("pgrep -x dnsmasq");
  await sessionLives();
});

tests.test("NetworkManager leaves alone what is ours, too", async (bench) => {
  const vm = host(bench);
  await vm.ok("cp -a /etc/resolv.conf /root/ && systemctl start NetworkManager", { timeout: 120_000 });
  const devices = await vm.ok("nmcli -t -f DEVICE,STATE device");
  assert.match(devices, "eth1:unmanaged");
  assert.match(devices, "seg7:unmanaged");
  await vm.ok("systemctl stop NetworkManager && cp -a /root/resolv.conf /etc/");
});

const RUN = "/run/scsigate/scsigate";
const RUNNING = `cat ${RUN}/dnsmasq-seg7.pid ${RUN}/udhcpc-eth1.pid /sys/class/net/seg7/ifindex`;

tests.test("an upgrade adopts what runs, and cuts nothing", async (bench) => {
  const vm = host(bench);
  const running = await vm.ok(RUNNING);
  await vm.ok("dpkg -i /root/scsigate_0.1.1_all.deb 2>&1", { timeout: 180_000 });
  await until("the new version", async () => {
    return (await vm.run("curl -skf -m 5 https://127.0.0.1:8443/version")).stdout.includes(NEWER);
  });
  await until("health", async () => (await vm.run("scsigate status")).stdout.includes("seg7"));
  assert.is(await vm.ok(RUNNING), running, "the same processes and the same interface");
  await vm.ok(`ping -c 1 -W 5 ${segmentGateway}`);
  await sessionLives();
});

tests.test("removed and purged, it leaves no trace, and the host has its interface back", async (bench) => {
  const vm = host(bench);
  await vm.ok("dpkg --remove scsigate 2>&1", { timeout: 180_000 });
  assert.is(
    (await vm.run("test -e /var/lib/scsigate/scsigate/config.json")).code,
    0,
    "the configuration stays for another time",
  );
  assert.is((await vm.run("ip link show seg7 || pgrep -x dnsmasq || pgrep -x udhcpc")).code, 1);
  assert.is((await vm.run("ls -d /sys/kernel/config/target/iscsi /sys/kernel/config/target/core/*_0")).stdout, "");
  await vm.ok("dpkg --purge scsigate 2>&1", { timeout: 180_000 });
  await until("networkd's own address on eth1", async () => {
    const { stdout } = await vm.run(MANAGED);
    return /eth1 +ether +routable +configured/.test(stdout);
  });
  await until("the state of before", async () => (await vm.run(STATE)).stdout.trim() === before).catch(async () =>
    assert.equal((await vm.ok(STATE)).split("\n"), before.split("\n")),
  );
  assert.is(
    await vm.ok(
      "find / -xdev -iname '*scsigate*' ! -path '/root/*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/var/log/*'",
    ),
    "",
  );
  await vm.ok(`ping -c 1 -W 5 ${segmentGateway}`);
  await sessionLives();
});

tests.test("the driver's package goes without cutting the segment, and leaves no trace", async (bench) => {
  const vm = host(bench);
  const said = await vm.ok("dpkg --purge ipscsi-dkms 2>&1", { timeout: 180_000 });
  assert.match(said, "the driver stays loaded");
  assert.match(said, "seg0");
  await vm.ok(`ping -c 1 -W 5 ${segmentGateway}`);
  assert.is(await vm.ok("dkms status"), "");
  assert.is(await vm.ok("find /lib/modules /usr/src /usr/share /var/lib/dkms /etc -name '*ipscsi*'"), "");
  await sessionLives();
  session.destroy();
});

tests.run();
