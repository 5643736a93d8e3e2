// SPDX-License-Identifier: Apache-2.0
// Targets and adapters that are not ours: a peer that answers as a script says, and the kernel's own iSCSI initiator.
import * as assert from "uvu/assert";
import { installProgram } from "../src/build/program.ts";
import { BACKEND, fabricPath, HUB, HUB_ADDRESS, LoopRig, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { sleep, waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import type { Vm } from "../src/vm/vm.ts";

const USER_DEVICE = "/sys/kernel/config/target/core/user_0/peer";
const RULES = "/run/peer.rules";
const LOG = "/run/peer.log";
const SEGMENT = "seg9";
const PEER_ADDRESS = "10.145.0.2";

/** INQUIRY page C0h of a station that holds GETs and takes base messages only: docs/protocol.md section 2. */
const STATION_PAGE = `12c0 data ${[
  ...["09 c0 00 17", "49 50 53 43", "01 00", "00 02", "02 91 45 00 00 02"],
  ...["ff ff", "00 00 ff ff", "00 04", "00"],
].join(" ")}`;

/** How many GETs it says that it holds. */
const STATION_GETS = 4;

/** A LUN whose answers are rules; see lab/peer/scripted-peer.c. */
class ScriptedPeer {
  readonly #vm: Vm;
  /** SCSI device, "h:c:t:l". */
  readonly device: string;

  private constructor(vm: Vm, device: string) {
    this.#vm = vm;
    this.device = device;
  }

  static async create(vm: Vm, rules: readonly string[]): Promise<ScriptedPeer> {
    await installProgram(vm, "lab/peer", "scripted-peer");
    const path = fabricPath(9);
    await vm.ok(`set -e
      modprobe -a configfs target_core_mod target_core_user tcm_loop ipscsi
      echo 0 >/sys/module/ipscsi/parameters/auto_attach
      grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
      ip link add ${SEGMENT} type ipscsi; ip addr add 10.145.0.1/24 dev ${SEGMENT}; ip link set ${SEGMENT} up
      : >${LOG}; printf '%s\\n' ${rules.map((rule) => `'${rule}'`).join(" ")} >${RULES}
      mkdir -p ${USER_DEVICE}
      echo dev_config=scripted,dev_size=512,hw_block_size=512,nl_reply_supported=-1 >${USER_DEVICE}/control
      echo 1 >${USER_DEVICE}/enable`);
    vm.start(`exec scripted-peer /dev/uio0 ${RULES} ${LOG} 2>/run/peer.err`);
    await vm.ok(`set -e
      mkdir -p ${path}/lun/lun_0
      echo naa.6001405000000009 >${path}/nexus
      ln -s ${USER_DEVICE} ${path}/lun/lun_0/port`);
    const device = await waitFor(
      "the scripted peer's SCSI device",
      async () => (await vm.run("grep -lx 9 /sys/bus/scsi/devices/*:*:*:*/type")).stdout.trim().split("/").at(-2),
      { timeout: 10_000 },
    );
    await waitFor("the driver", async () => (await vm.run(`test -e ${attribute(device)}`)).code === 0, {
      timeout: 10_000,
    });
    return new ScriptedPeer(vm, device);
  }

  async rules(...rules: string[]): Promise<void> {
    // whole at once: it reads them again before each command
    const lines = rules.map((rule) => `'${rule}'`).join(" ");
    await this.#vm.ok(`printf '%s\\n' ${lines} >${RULES}.new; mv ${RULES}.new ${RULES}`);
  }

  /** By hand, as a device without a station page needs it. */
  async attach(): Promise<void> {
    await this.#vm.ok(`echo ${SEGMENT} >${attribute(this.device)}`);
  }

  async state(): Promise<string> {
    return (await this.#vm.run(`cat /sys/class/net/${SEGMENT}/ipscsi/peers/*/state`)).stdout.trim();
  }

  async waitState(state: string): Promise<void> {
    await waitFor(`the peer to be ${state === "" ? "gone" : state}`, async () => (await this.state()) === state, {
      timeout: 20_000,
    });
  }

  /** Datagrams to it; whether it answers does not matter. */
  async sendSome(): Promise<void> {
    const address = (await this.#vm.ok(`ls /sys/class/net/${SEGMENT}/ipscsi/peers`)).trim();
    await this.#vm.ok(`ip neigh replace ${PEER_ADDRESS} lladdr ${address} dev ${SEGMENT}`);
    await this.#vm.run(`ping -c 5 -i 0.1 -W 1 ${PEER_ADDRESS}`);
  }

  async tearDown(): Promise<void> {
    const path = fabricPath(9);
    assert.is(await this.#vm.ok("cat /run/peer.err"), "", "all rules were understood");
    await this.#vm.ok(`set -e
      rm ${path}/lun/lun_0/port; rmdir ${path}/lun/lun_0; echo NULL >${path}/nexus
      rmdir ${path} $(dirname ${path}) ${USER_DEVICE} $(dirname ${USER_DEVICE})
      killall scripted-peer || true; while pidof scripted-peer >/dev/null; do sleep 0.1; done
      ip link del ${SEGMENT}
      modprobe -r ipscsi; rmdir /sys/kernel/config/target/loopback; modprobe -r tcm_loop`);
  }
}

const IQN = "iqn.2026-11.org.scsigate:lab";
const ISCSI = `/sys/kernel/config/target/iscsi/${IQN}`;

/** The hub behind an iSCSI portal of LIO, and the kernel's own initiator (open-iscsi) in front of it. */
class IscsiRig {
  readonly #vm: Vm;

  private constructor(vm: Vm) {
    this.#vm = vm;
  }

  static async create(vm: Vm): Promise<IscsiRig> {
    await new LoopRig(vm).setUp();
    await vm.ok(`set -e
      modprobe -a iscsi_target_mod iscsi_tcp
      mkdir -p ${ISCSI}/tpgt_1/lun/lun_0 ${ISCSI}/tpgt_1/np/127.0.0.1:3260
      ln -s ${BACKEND} ${ISCSI}/tpgt_1/lun/lun_0/port
      echo 0 >${ISCSI}/tpgt_1/attrib/authentication
      echo 1 >${ISCSI}/tpgt_1/attrib/generate_node_acls
      echo 0 >${ISCSI}/tpgt_1/attrib/demo_mode_write_protect
      echo 1 >${ISCSI}/tpgt_1/enable
      mkdir -p /etc/iscsi /run/lock/iscsi
      echo InitiatorName=iqn.2026-11.org.scsigate:station >/etc/iscsi/initiatorname.iscsi
      printf '%s\\n' 'node.session.timeo.replacement_timeout = 60' 'node.conn[0].timeo.noop_out_interval = 1' \
        'node.conn[0].timeo.noop_out_timeout = 2' 'node.conn[0].timeo.login_timeout = 5' >/etc/iscsi/iscsid.conf
      nft add table inet cable; nft 'add chain inet cable in { type filter hook input priority 0; }'`);
    vm.start("exec iscsid -f -d 1 >/run/iscsid.log 2>&1");
    await waitFor("iscsid", async () => (await vm.run("iscsiadm -m session -P 0 2>&1 | grep -v connect")).code === 0, {
      timeout: 10_000,
    });
    return new IscsiRig(vm);
  }

  /** Logs in through an interface record of its own, so that each session has an ISID of its own. */
  async login(name: string, replacementSeconds = 60): Promise<string> {
    const before = new Set(await this.#devices());
    await this.#vm.ok(
      `set -e
      iscsiadm -m iface -I ${name} --op=new
      iscsiadm -m node -T ${IQN} -p 127.0.0.1:3260 -I ${name} --op=new
      iscsiadm -m node -T ${IQN} -p 127.0.0.1:3260 -I ${name} --op=update -n node.session.timeo.replacement_timeout -v ${replacementSeconds}
      iscsiadm -m node -T ${IQN} -p 127.0.0.1:3260 -I ${name} --login`,
      { timeout: 30_000 },
    );
    return waitFor(
      "the SCSI device of the session",
      async () => (await this.#devices()).find((device) => !before.has(device)),
      { timeout: 10_000 },
    );
  }

  /** Moves the segment of a device into a namespace, with an address. */
  async station(device: string, namespace: string, address: string): Promise<string> {
    const segment = await waitFor(
      "the segment",
      async () => {
        const name = (await this.#vm.run(`cat ${attribute(device)}`)).stdout.trim();
        return name === "none" || name === "" ? undefined : name;
      },
      { timeout: 15_000 },
    );
    await this.#vm.ok(`set -e
      ip netns add ${namespace}; ip link set ${segment} netns ${namespace}
      ip -n ${namespace} addr add ${address}/24 dev ${segment}; ip -n ${namespace} link set ${segment} up`);
    return segment;
  }

  /** Cuts the cable: TCP hears nothing any more. */
  async cut(): Promise<void> {
    await this.#vm.ok("nft 'add rule inet cable in tcp dport 3260 drop; add rule inet cable in tcp sport 3260 drop'");
  }

  async mend(): Promise<void> {
    await this.#vm.ok("nft flush chain inet cable in");
  }

  async tearDown(namespaces: readonly string[]): Promise<void> {
    await this.#vm.ok(
      `set -e
      iscsiadm -m node -T ${IQN} --logoutall=all || iscsiadm -m node -T ${IQN} --logout
      iscsiadm -m node -o delete
      rm -rf /etc/iscsi/ifaces
      killall iscsid
      nft delete table inet cable
      for ns in ${namespaces.join(" ")}; do ip netns del $ns; done
      echo 0 >${ISCSI}/tpgt_1/enable
      rm ${ISCSI}/tpgt_1/lun/lun_0/port
      rmdir ${ISCSI}/tpgt_1/lun/lun_0 ${ISCSI}/tpgt_1/np/* ${ISCSI}/tpgt_1 ${ISCSI}
      rmdir /sys/kernel/config/target/iscsi
      rmdir ${BACKEND} $(dirname ${BACKEND})
      ip link del ${HUB}
      modprobe -r ipscsi_target; modprobe -r ipscsi`,
      { timeout: 60_000 },
    );
  }

  async #devices(): Promise<string[]> {
    return new LoopRig(this.#vm).devices();
  }
}

function attribute(device: string): string {
  return `/sys/bus/scsi/devices/${device}/ipscsi/segment`;
}

function deviceState(device: string): string {
  return `cat /sys/bus/scsi/devices/${device}/state`;
}

async function reach(vm: Vm, namespace: string, to: string, timeout = 15_000): Promise<void> {
  await waitFor(
    `${to} from ${namespace}`,
    async () => (await vm.run(`ip netns exec ${namespace} ping -c 1 -W 1 ${to}`)).code === 0,
    { timeout, interval: 200 },
  );
}

/** The sum over all peers, from `ethtool -S`. */
async function counter(vm: Vm, segment: string, name: string, namespace?: string): Promise<number> {
  const within = namespace === undefined ? "" : `ip netns exec ${namespace} `;
  const line = (await vm.ok(`${within}ethtool -S ${segment} | grep -w ' ${name}:' || true`)).trim();
  return Number(line.split(":").at(1) ?? Number.NaN);
}

/** The peer answers when it has its turn. */
function counted(vm: Vm, name: string, count: number): Promise<unknown> {
  return waitFor(`${count} of ${name}`, async () => (await counter(vm, SEGMENT, name)) >= count, { timeout: 10_000 });
}

const tests = scenario("kernel-strangers", loop, { independent: true });

tests.test("a device that knows no messages is left alone until it is attached again", async (bench) => {
  const vm = bench.vm("loop");
  const peer = await ScriptedPeer.create(vm, ["2a sense 5 20 0", "28 sense 5 20 0"]);
  assert.is(await vm.ok(`cat ${attribute(peer.device)}`), "none", "it may be anything");
  await peer.attach();
  const refused = "the device does not know SEND MESSAGE; write a segment's name";
  await waitFor("the refusal to be told", async () => (await vm.ok("dmesg")).includes(refused), { timeout: 10_000 });
  await peer.waitState("");
  await vm.ok(`: >${LOG}; sleep 2`);
  assert.is(await vm.ok(`cat ${LOG}`), "", "nobody asks it anything");
  await peer.rules("2a good");
  await peer.attach();
  await peer.waitState("up");
  await peer.sendSome();
  await counted(vm, "tx_packets", 5);
  await peer.tearDown();
});

tests.test("a station with a disk in its place, as while LIO's LUN is unlinked, is back by itself", async (bench) => {
  const vm = bench.vm("loop");
  const refusals = (): Promise<string> => vm.ok("dmesg | grep -c 'does not know SEND MESSAGE' || true");
  const before = await refusals();
  const peer = await ScriptedPeer.create(vm, [STATION_PAGE]);
  await peer.attach();
  await peer.waitState("up");
  await peer.rules("2a sense 5 20 0", "28 sense 5 20 0");
  await peer.sendSome();
  await peer.waitState("down");
  await vm.ok(`: >${LOG}`);
  await waitFor("it to be asked again", async () => (await vm.ok(`cat ${LOG}`)) !== "", { timeout: 10_000 });
  assert.is(await refusals(), before);
  await peer.rules(STATION_PAGE);
  await peer.waitState("up");
  await peer.sendSome();
  await counted(vm, "tx_packets", 5);
  await peer.tearDown();
});

tests.test("a unit attention that does not end is given up after three times, at each message anew", async (bench) => {
  const vm = bench.vm("loop");
  const peer = await ScriptedPeer.create(vm, ["28 sense 5 20 0"]);
  await peer.attach();
  await peer.waitState("up");
  await peer.rules("28 sense 5 20 0", "2a sense 6 3f 0e");
  await peer.sendSome();
  await counted(vm, "tx_failed", 5);
  // One that the kernel sent by itself may be on its way between the two counters.
  await waitFor(
    "each message to have been tried three times more",
    async () => {
      const failed = await counter(vm, SEGMENT, "tx_failed");
      return (await counter(vm, SEGMENT, "retries")) === 3 * failed;
    },
    { timeout: 10_000 },
  );
  await peer.tearDown();
});

tests.test("a SEND that is refused is lost and counted; a GET that is refused connects anew", async (bench) => {
  const vm = bench.vm("loop");
  const peer = await ScriptedPeer.create(vm, [STATION_PAGE]);
  await peer.attach();
  await peer.waitState("up");
  await peer.rules(STATION_PAGE, "2a sense 5 24 0");
  await vm.ok(`: >${LOG}`);
  await peer.sendSome();
  await counted(vm, "tx_failed", 5);
  // stream 88b5 is HELLO: where one was refused as well, it is another matter
  const state = await peer.state(); // before the log, which then has all that it comes from
  if (!(await vm.ok(`cat ${LOG}`)).includes("2a 88b5")) assert.is(state, "up", "the others may go through");
  await peer.rules(STATION_PAGE);
  await peer.waitState("up");
  await sleep(500); // the kernel's own multicast that was on its way
  const lost = await counter(vm, SEGMENT, "tx_failed");
  const before = await counter(vm, SEGMENT, "tx_packets");
  await peer.sendSome();
  await counted(vm, "tx_packets", before + 5);
  assert.is(await counter(vm, SEGMENT, "tx_failed"), lost);

  await peer.rules(STATION_PAGE, "28 sense 5 24 0");
  await waitFor("GETs to fail", async () => (await counter(vm, SEGMENT, "get_failed")) > 0, { timeout: 10_000 });
  await peer.waitState("down");
  await peer.rules(STATION_PAGE);
  await peer.waitState("up");
  await peer.sendSome();
  await peer.tearDown();
});

tests.test(
  "a target that answers null messages at once is not asked without a pause, nor believed what is malformed",
  async (bench) => {
    const vm = bench.vm("loop");
    const peer = await ScriptedPeer.create(vm, [STATION_PAGE]);
    await peer.attach();
    await peer.waitState("up");
    const [asked, seconds] = (
      await vm.ok(`: >${LOG}; read from rest </proc/uptime; sleep 3; n=$(grep -c ^28 ${LOG})
      read to rest </proc/uptime; echo $n $from $to | awk '{ print $1, $3 - $2 }'`)
    )
      .trim()
      .split(" ")
      .map(Number) as [number, number];
    const streams = new Set((await vm.ok(`grep ^28 ${LOG}`)).split("\n").filter(Boolean)).size;
    console.log(`  ${asked} GETs in ${seconds.toFixed(1)} s on ${streams} streams`);
    assert.ok(asked > 0, "but it is asked");
    assert.ok(asked <= (seconds / 0.02 + 2) * STATION_GETS, "not oftener than every 20 ms");
    assert.ok((await counter(vm, SEGMENT, "rx_null")) > 0);
    // IPv4 that says to be longer than what comes, and a version that there is not
    await peer.rules(STATION_PAGE, "28 data 45 0 5 0 0 0 0 0 40 1 0 0 a 91 0 2 a 91 0 1");
    await waitFor("malformed messages", async () => (await counter(vm, SEGMENT, "rx_malformed")) > 0, {
      timeout: 10_000,
    });
    assert.is(await counter(vm, SEGMENT, "rx_packets"), 0);
    await peer.tearDown();
  },
);

tests.test("BUSY for a while: what was sent arrives late, and nothing is lost", async (bench) => {
  const vm = bench.vm("loop");
  const peer = await ScriptedPeer.create(vm, [STATION_PAGE]);
  await peer.attach();
  await peer.waitState("up");
  await peer.rules(STATION_PAGE, "2a status 08");
  vm.start(`sleep 2; echo '${STATION_PAGE}' >${RULES}.new; mv ${RULES}.new ${RULES}`);
  await peer.sendSome();
  await waitFor("the packets to be through", async () => (await counter(vm, SEGMENT, "tx_packets")) >= 5, {
    timeout: 20_000,
  });
  assert.is(await counter(vm, SEGMENT, "tx_failed"), 0);
  assert.is(await peer.state(), "up");
  await peer.tearDown();
});

tests.test("an adapter of queue depth 1: SENDs and a GET take turns", async (bench) => {
  const vm = bench.vm("loop");
  const rig = await loopRig(vm, 1);
  const { device, segment, namespace } = rig.station(1);
  const sysfs = `/sys/bus/scsi/devices/${device}`;
  const rebind = (depth: number): Promise<string> =>
    vm.ok(`echo ${device} >/sys/bus/scsi/drivers/ipscsi/unbind; echo ${depth} >${sysfs}/queue_depth
      echo 0 >/sys/module/ipscsi/parameters/auto_attach; echo ${device} >/sys/bus/scsi/drivers/ipscsi/bind
      ip netns exec ${namespace} sh -c 'echo ${segment} >${attribute(device)}'`);
  await rebind(1);
  const warned = "queue depth 1 leaves no room beside a GET MESSAGE";
  await waitFor("the driver to say so", async () => (await vm.ok("dmesg")).includes(warned), { timeout: 10_000 });
  const state = `cat /sys/class/net/${segment}/ipscsi/peers/*/state`;
  await waitFor("the peer to be up", async () => (await rig.in(1, state)).stdout.trim() === "up", { timeout: 10_000 });
  // what is sent waits for the GET, at most the hold time
  await waitFor("an answer", async () => (await rig.in(1, `ping -c 1 -W 5 ${HUB_ADDRESS}`)).code === 0, {
    timeout: 30_000,
  });
  await rebind(64);
  await waitFor("an answer", async () => (await rig.in(1, `ping -c 1 -W 1 ${HUB_ADDRESS}`)).code === 0, {
    timeout: 15_000,
  });
  await rig.tearDown();
});

tests.test("two sessions of one initiator name are two stations", async (bench) => {
  const vm = bench.vm("loop");
  const rig = await IscsiRig.create(vm);
  await rig.station(await rig.login("first"), "st1", "10.143.0.11");
  // auto attach takes the segment that has the hub as a peer already, but that is another adapter here
  await rig.station(await rig.login("second"), "st2", "10.143.0.12");
  for (const namespace of ["st1", "st2"]) await reach(vm, namespace, HUB_ADDRESS);
  await reach(vm, "st1", "10.143.0.12");
  assert.is(await vm.ok(`ls /sys/class/net/${HUB}/ipscsi/peers | wc -l`), "2");
  await rig.tearDown(["st1", "st2"]);
});

tests.test("the transport is away for a while: commands wait, and the traffic goes on", async (bench) => {
  const vm = bench.vm("loop");
  const rig = await IscsiRig.create(vm);
  const device = await rig.login("first");
  const segment = await rig.station(device, "st1", "10.143.0.11");
  await reach(vm, "st1", HUB_ADDRESS);
  await rig.cut();
  vm.start(`exec ip netns exec st1 ping -i 0.05 -s 1000 ${HUB_ADDRESS} >/dev/null`);
  await waitFor("the transport to be blocked", async () => (await vm.ok(deviceState(device))) === "blocked", {
    timeout: 30_000,
  });
  const failed = await counter(vm, segment, "tx_failed", "st1");
  await vm.run("sleep 2");
  assert.is(await vm.ok(`ip netns exec st1 sh -c 'cat /sys/class/net/${segment}/ipscsi/peers/*/state'`), "up");
  await rig.mend();
  await waitFor("the transport to be back", async () => (await vm.ok(deviceState(device))) === "running", {
    timeout: 40_000,
  });
  await reach(vm, "st1", HUB_ADDRESS);
  await vm.run("killall ping");
  console.log(
    `  tx_failed ${(await counter(vm, segment, "tx_failed", "st1")) - failed}, tx_queue_full ${await counter(vm, segment, "tx_queue_full", "st1")}`,
  );
  await rig.tearDown(["st1"]);
});

tests.test(
  "the transport is given up: who detaches the station waits no longer, and it comes back with the transport",
  async (bench) => {
    const vm = bench.vm("loop");
    const rig = await IscsiRig.create(vm);
    const device = await rig.login("first", 5);
    const segment = await rig.station(device, "st1", "10.143.0.11");
    await reach(vm, "st1", HUB_ADDRESS);
    await rig.cut();
    const cut = ["blocked", "transport-offline"]; // the first one lasts 5 s
    await waitFor("the transport to be blocked", async () => cut.includes(await vm.ok(deviceState(device))), {
      timeout: 30_000,
    });
    await vm.ok(`echo none >${attribute(device)}`, { timeout: 60_000 });
    assert.is(await vm.ok(deviceState(device)), "transport-offline", "that is what it waited for");
    // It goes when the last command has let go of it, which is looked at every 100 ms.
    const peers = `ip netns exec st1 ls /sys/class/net/${segment}/ipscsi/peers`;
    await waitFor("the peer to be gone", async () => (await vm.ok(peers)) === "", { timeout: 5000 });
    await vm.ok(`ip netns exec st1 sh -c 'echo ${segment} >${attribute(device)}'`);
    await rig.mend();
    await reach(vm, "st1", HUB_ADDRESS, 60_000);
    await rig.tearDown(["st1"]);
  },
);

tests.run();
