// SPDX-License-Identifier: Apache-2.0
// What goes beyond RFC 2143: IPv6, whole Ethernet frames, bridges, VLANs, relay, symmetric mode, peers without a page.
import * as assert from "uvu/assert";
import { HUB, HUB_ADDRESS, type LoopRig, loopRig } from "../src/rigs/loop.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { loop } from "../src/topologies/loop.ts";
import type { Vm } from "../src/vm/vm.ts";

const CONFIGFS = "/sys/kernel/config/target";

async function reach(vm: Vm, namespace: string, to: string, options = ""): Promise<void> {
  const prefix = namespace === "" ? "" : `ip netns exec ${namespace} `;
  await waitFor(
    `${namespace} to reach ${to}`,
    async () => (await vm.run(`${prefix}ping ${options} -c 1 -W 1 ${to}`)).code === 0,
    {
      timeout: 15_000,
      interval: 200,
    },
  );
}

async function counter(vm: Vm, device: string, name: string): Promise<number> {
  return Number((await vm.ok(`ethtool -S ${device} | grep -w ${name}`)).split(":")[1]);
}

interface Link {
  readonly stats64: Record<"rx" | "tx", Record<"packets" | "bytes" | "dropped" | "errors", number>>;
}

async function withRig(vm: Vm, count: number, body: (rig: LoopRig) => Promise<void>): Promise<void> {
  const rig = await loopRig(vm, count);
  for (const station of rig.stations) await reach(vm, station.namespace, HUB_ADDRESS);
  await body(rig);
  await rig.tearDown();
}

const tests = scenario("kernel-features", loop, { independent: true });

tests.test("IPv6: neighbour discovery, stations among themselves, multicast", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 2, async (rig) => {
    await vm.ok(`ip addr add fd00:143::1/64 dev ${HUB} nodad`);
    for (const { namespace, segment, number } of rig.stations)
      await vm.ok(`ip -n ${namespace} addr add fd00:143::1${number}/64 dev ${segment} nodad`);
    await reach(vm, "st1", "fd00:143::1", "-6");
    await reach(vm, "st1", "fd00:143::12", "-6");
    const all = await vm.ok(`ip netns exec st1 ping -6 -c 2 -W 10 ff02::1%${rig.station(1).segment}`);
    assert.match(all, /2 received/);
  });
});

tests.test("stations of a hub reach each other only while it relays", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 2, async (rig) => {
    await reach(vm, "st1", rig.station(2).address);
    await vm.ok(`echo 0 >/sys/class/net/${HUB}/ipscsi/relay; ip netns exec st1 ip neigh flush all`);
    assert.is.not((await vm.run(`ip netns exec st1 ping -c 2 -W 1 ${rig.station(2).address}`)).code, 0, "relay is off");
    await vm.ok(`echo 1 >/sys/class/net/${HUB}/ipscsi/relay`);
    await reach(vm, "st1", rig.station(2).address);
    assert.ok((await counter(vm, HUB, "relayed")) > 0);
  });
});

tests.test("the hub is a bridge port: LAN hosts on layer 2, VLAN tags, MTU 1500", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 1, async (rig) => {
    const { segment } = rig.station(1);
    assert.is(await vm.ok(`cat /sys/class/net/${HUB}/mtu`), "65280");
    await vm.ok(`set -e
      ip addr flush dev ${HUB}
      ip netns add lan
      ip link add up0 type veth peer name eth0 netns lan
      ip link add br0 type bridge
      ip link set ${HUB} master br0
      ip link set up0 master br0
      ip link set br0 up; ip link set up0 up
      ip -n lan addr add 10.143.0.200/24 dev eth0; ip -n lan link set eth0 up
      ip -n lan link add link eth0 name eth0.7 type vlan id 7
      ip -n lan addr add 10.7.0.200/24 dev eth0.7; ip -n lan link set eth0.7 up
      ip -n st1 link set ${segment} mtu 1500
      ip -n st1 link add link ${segment} name v7 type vlan id 7
      ip -n st1 addr add 10.7.0.1/24 dev v7; ip -n st1 link set v7 up`);
    assert.is(await vm.ok(`cat /sys/class/net/${HUB}/mtu`), "1500", "as a bridge port");
    await reach(vm, "st1", "10.143.0.200");
    await reach(vm, "lan", rig.station(1).address);
    await reach(vm, "st1", "10.7.0.200");
    await reach(vm, "st1", "10.143.0.200", "-s 1400 -M do");
    await vm.ok("ip netns exec lan sh -c 'iperf3 -s -D -1; until ss -ltn | grep -q :5201; do sleep 0.1; done'");
    await vm.ok("ip netns exec st1 iperf3 -c 10.143.0.200 -n 4M", { timeout: 60_000 });
    await vm.ok(`ip link set ${HUB} nomaster; ip link del br0; ip netns del lan`);
    assert.is(await vm.ok(`cat /sys/class/net/${HUB}/mtu`), "65280", "no bridge port any more");
  });
});

tests.test(
  "a station that is a bridge: refused until it is marked, then learned, shown and forgotten",
  async (bench) => {
    const vm = bench.vm("loop");
    await withRig(vm, 1, async (rig) => {
      const { segment } = rig.station(1);
      const mac = await vm.ok(`ip netns exec st1 cat /sys/class/net/${segment}/address`);
      await vm.ok(`set -e
      ip netns add behind
      ip -n st1 addr flush dev ${segment}
      ip -n st1 link add br0 type bridge
      ip -n st1 link set ${segment} master br0
      ip -n st1 link add down0 type veth peer name eth0 netns behind
      ip -n st1 link set down0 master br0; ip -n st1 link set down0 up
      ip -n st1 link set br0 address ${mac}; ip -n st1 link set br0 up
      ip -n behind addr add 10.143.0.50/24 dev eth0; ip -n behind link set eth0 address 02:00:00:00:00:50; ip -n behind link set eth0 up`);
      const before = await counter(vm, HUB, "rx_forged");
      assert.is.not(
        (await vm.run(`ip netns exec behind ping -c 2 -W 1 ${HUB_ADDRESS}`)).code,
        0,
        "not its own address",
      );
      const forged = await counter(vm, HUB, "rx_forged");
      assert.ok(forged > before, "counted");
      const ofPeer = `/sys/class/net/${HUB}/ipscsi/peers/${mac}/counters`;
      const own = Number(await vm.ok(`cat ${ofPeer}/rx_forged`)); // it goes on, as the bridge asks for neighbours
      assert.ok(own >= forged - before && own <= (await counter(vm, HUB, "rx_forged")), "for that station");
      assert.is((await vm.run(`test -e ${ofPeer}/tx_no_peer`)).code, 1, "is nobody's");
      await vm.ok(`echo 1 >/sys/class/net/${HUB}/ipscsi/peers/${mac}/bridge`);
      await reach(vm, "behind", HUB_ADDRESS);
      await vm.ok(`ip neigh flush dev ${HUB}`);
      await reach(vm, "", "10.143.0.50");
      assert.match(await vm.ok(`bridge fdb show dev ${HUB}`), /02:00:00:00:00:50/);
      await vm.ok(`bridge fdb del 02:00:00:00:00:50 dev ${HUB} self`);
      await vm.ok(`bridge fdb add 02:00:00:00:00:51 dev ${HUB} self`);
      assert.match(await vm.ok(`bridge fdb show dev ${HUB}`), /02:00:00:00:00:51.*permanent/);
      await reach(vm, "behind", HUB_ADDRESS);
      assert.match(await vm.ok(`bridge fdb show dev ${HUB}`), /02:00:00:00:00:50/);
      await vm.ok(`echo 0 >/sys/class/net/${HUB}/ipscsi/peers/${mac}/bridge`);
      assert.is(await vm.ok(`bridge fdb show dev ${HUB}`), "", "no bridge, and nothing behind it");
      await vm.ok("ip netns del behind; ip -n st1 link del br0");
    });
  },
);

tests.test("symmetric: both ends are targets, SENDs go both ways and no GET is held", async (bench) => {
  const vm = bench.vm("loop");
  await vm.ok(
    "modprobe -a configfs target_core_mod tcm_loop ipscsi ipscsi_target; echo 0 >/sys/module/ipscsi/parameters/auto_attach",
  );
  await vm.ok(`set -e
    for side in a b; do
      ip link add sym$side type ipscsi
      mkdir -p ${CONFIGFS}/core/ipscsi_0/$side
      echo segment=sym$side >${CONFIGFS}/core/ipscsi_0/$side/control
      echo 1 >${CONFIGFS}/core/ipscsi_0/$side/enable
      tpg=${CONFIGFS}/loopback/naa.500140500000000$side/tpgt_1
      mkdir -p $tpg/lun/lun_0
      echo naa.600140500000000$side >$tpg/nexus
      ip link set sym$side up
      ln -s ${CONFIGFS}/core/ipscsi_0/$side $tpg/lun/lun_0/port
    done`);
  const devices = await waitFor(
    "both devices",
    async () => {
      const found = (await vm.run("ls -d /sys/bus/scsi/devices/*:*:*:*/ipscsi")).stdout.trim().split("\n");
      return found.length === 2 ? found.map((path) => path.split("/").at(-2) ?? "") : undefined;
    },
    { timeout: 10_000 },
  );
  const [first, second] = devices;
  // each segment sends to the other's LUN
  await vm.ok(
    `echo symb >/sys/bus/scsi/devices/${first}/ipscsi/segment; echo syma >/sys/bus/scsi/devices/${second}/ipscsi/segment`,
  );
  await vm.ok(`set -e
    ip netns add far; ip link set symb netns far
    ip addr add 10.144.0.1/24 dev syma
    ip -n far addr add 10.144.0.2/24 dev symb; ip -n far link set symb up`);
  await reach(vm, "", "10.144.0.2");
  await reach(vm, "far", "10.144.0.1");
  const peers = "/sys/class/net/syma/ipscsi/peers/*";
  await waitFor("symmetric mode", async () => (await vm.ok(`cat ${peers}/mode`)) === "symmetric", { timeout: 15_000 });
  await waitFor("the last GET to end", async () => (await vm.ok(`cat ${peers}/held_gets`)) === "0", {
    timeout: 15_000,
  });
  await vm.ok(
    `ip netns exec far sh -c 'iperf3 -s -D -1; until ss -ltn | grep -q :5201; do sleep 0.1; done'
    iperf3 -c 10.144.0.2 -n 20M --bidir`,
    { timeout: 60_000 },
  );
  await vm.ok(`set -e
    for side in a b; do
      tpg=${CONFIGFS}/loopback/naa.500140500000000$side/tpgt_1
      rm $tpg/lun/lun_0/port; rmdir $tpg/lun/lun_0; echo NULL >$tpg/nexus; rmdir $tpg $(dirname $tpg)
      rmdir ${CONFIGFS}/core/ipscsi_0/$side
    done
    rmdir ${CONFIGFS}/core/ipscsi_0
    ip -n far link del symb; ip netns del far; ip link del syma
    rmdir ${CONFIGFS}/loopback
    modprobe -r ipscsi_target ipscsi tcm_loop`);
});

tests.test(
  "symmetric on two buses: those of one reach those of the other through the hub between them",
  async (bench) => {
    const vm = bench.vm("loop");
    await vm.ok("sh -s", {
      input: `set -e
modprobe -a configfs target_core_mod tcm_loop ipscsi ipscsi_target; echo 0 >/sys/module/ipscsi/parameters/auto_attach
# a LUN of one segment on a bus of its own, attached to another segment
join() {
  tpg=${CONFIGFS}/loopback/naa.500140500000000$3/tpgt_1
  mkdir -p $tpg/lun/lun_0
  echo naa.600140500000000$3 >$tpg/nexus
  ln -s ${CONFIGFS}/core/ipscsi_0/$1 $tpg/lun/lun_0/port
  at=/sys/bus/scsi/devices/$(cat $tpg/address):0/ipscsi/segment
  until [ -e $at ]; do sleep 0.1; done
  echo $2 >$at
}
for name in mid one two; do
  ip link add $name type ipscsi; ip link set $name up
  mkdir -p ${CONFIGFS}/core/ipscsi_0/$name
  echo segment=$name >${CONFIGFS}/core/ipscsi_0/$name/control
  echo 1 >${CONFIGFS}/core/ipscsi_0/$name/enable
done
join mid one 1; join one mid 2; join mid two 3; join two mid 4
number=0
for name in one two; do
  number=$((number + 1))
  ip netns add $name; ip link set $name netns $name
  ip -n $name addr add 10.144.0.$number/24 dev $name; ip -n $name link set $name up
done
`,
      timeout: 60_000,
    });
    const modes = "cat /sys/class/net/mid/ipscsi/peers/*/mode";
    await waitFor("symmetric mode", async () => (await vm.ok(modes)) === "symmetric\nsymmetric", { timeout: 15_000 });
    await reach(vm, "one", "10.144.0.2");
    await reach(vm, "two", "10.144.0.1");
    await vm.ok(`set -e
    for n in 1 2 3 4; do
      tpg=${CONFIGFS}/loopback/naa.500140500000000$n/tpgt_1
      rm $tpg/lun/lun_0/port; rmdir $tpg/lun/lun_0; echo NULL >$tpg/nexus; rmdir $tpg $(dirname $tpg)
    done
    rmdir ${CONFIGFS}/core/ipscsi_0/mid ${CONFIGFS}/core/ipscsi_0/one ${CONFIGFS}/core/ipscsi_0/two ${CONFIGFS}/core/ipscsi_0
    for name in one two; do ip -n $name link del $name; ip netns del $name; done; ip link del mid
    rmdir ${CONFIGFS}/loopback
    modprobe -r ipscsi_target ipscsi tcm_loop`);
  },
);

tests.test("base only: what a station without our extensions can do, it can", async (bench) => {
  const vm = bench.vm("loop");
  const rig = await loopRig(vm, 0);
  await vm.ok(`echo get >/sys/class/net/${HUB}/ipscsi/features`);
  await rig.attach(1);
  await reach(vm, "st1", HUB_ADDRESS);
  await vm.ok("iperf3 -s -D -1; until ss -ltn | grep -q :5201; do sleep 0.1; done");
  await vm.ok(`ip netns exec st1 iperf3 -c ${HUB_ADDRESS} -n 20M --bidir`, { timeout: 60_000 });
  assert.is(await vm.ok(`cat /sys/class/net/${HUB}/ipscsi/peers/*/features`), "get relay");
  await vm.ok(
    `ip addr add fd00:143::1/64 dev ${HUB} nodad; ip -n st1 addr add fd00:143::11/64 dev ${rig.station(1).segment} nodad`,
  );
  await reach(vm, "st1", "fd00:143::1", "-6");
  assert.is.not((await vm.run(`echo sideways >/sys/class/net/${HUB}/ipscsi/features`)).code, 0, "an unknown word");
  await rig.tearDown();
});

tests.test("packets of every size, and the counters of both ends agree", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 1, async (rig) => {
    const { namespace, segment, address } = rig.station(1);
    const counters = async (command: string): Promise<readonly number[]> => {
      const [link] = await vm.json<Link[]>(command);
      if (link === undefined) throw new Error("no such link");
      const { rx, tx } = link.stats64;
      return [rx.packets, rx.bytes, tx.packets, tx.bytes, rx.errors + rx.dropped, tx.errors + tx.dropped];
    };
    const both = async (): Promise<readonly (readonly number[])[]> => [
      await counters(`ip -j -s link show ${HUB}`),
      await counters(`ip -n ${namespace} -j -s link show ${segment}`),
    ];
    // nobody else talks on the segment meanwhile
    await vm.ok(`sysctl -qw net.ipv6.conf.${HUB}.disable_ipv6=1
      ip netns exec ${namespace} sysctl -qw net.ipv6.conf.${segment}.disable_ipv6=1
      ip neigh replace ${address} lladdr $(ip netns exec ${namespace} cat /sys/class/net/${segment}/address) dev ${HUB}
      ip -n ${namespace} neigh replace ${HUB_ADDRESS} lladdr $(cat /sys/class/net/${HUB}/address) dev ${segment}
      sleep 0.5`);
    const before = await both();
    const mtu = Number(await vm.ok(`cat /sys/class/net/${HUB}/mtu`));
    assert.is(mtu, 65280);
    for (const size of [0, 1, 2, 3, 56, 227, 228, 229, 995, 996, 997, 1472, 1473, 2020, 4068, 8972, 32739, mtu - 28])
      await vm.ok(`ip netns exec ${namespace} ping -n -M do -c 3 -i 0.01 -W 3 -s ${size} ${HUB_ADDRESS}`);
    for (const small of [1500, 1280, 576]) {
      await vm.ok(`ip link set ${HUB} mtu ${small}; ip -n ${namespace} link set ${segment} mtu ${small}`);
      await vm.ok(`ip netns exec ${namespace} ping -n -c 3 -i 0.01 -W 3 -s 6000 ${HUB_ADDRESS}`);
      const tooBig = await vm.run(`ip netns exec ${namespace} ping -n -M do -c 1 -W 3 -s ${small - 27} ${HUB_ADDRESS}`);
      assert.is.not(tooBig.code, 0, `${small + 1} bytes do not fit`);
    }
    const since = async (): Promise<readonly number[][]> =>
      (await both()).map((now, end) => now.map((n, i) => n - (before[end]?.[i] ?? 0)));
    const mirrored = ([rx = 0, rxBytes = 0, tx = 0, txBytes = 0]: readonly number[]): number[] => [
      tx,
      txBytes,
      rx,
      rxBytes,
      0,
      0,
    ];
    // A message counts as sent when its command is over, a moment after its packets have arrived.
    const agree = async (): Promise<boolean> => {
      const [hub = [], station = []] = await since();
      return hub.join() === mirrored(station).join();
    };
    await waitFor("both ends to agree", agree, { timeout: 10_000 }).catch(() => undefined);
    const [hub = [], station = []] = await since();
    assert.equal(hub, mirrored(station), "received here is sent there, and back");
    assert.equal(station.slice(4), [0, 0], "errors and drops");
    assert.ok((hub[0] ?? 0) >= 54 + 3 * 3 * 5, `${hub[0]} packets`);
  });
});

tests.test("SEND and GET MESSAGE(12): what queues goes in containers beyond 64 KiB, both ways", async (bench) => {
  const vm = bench.vm("loop");
  const rig = await loopRig(vm, 0);
  const tracing = "/sys/kernel/tracing";
  // no OFFLOAD, so no super-packets: four of these fill 64 KiB
  await vm.ok(`echo ext get container >/sys/class/net/${HUB}/ipscsi/features; ip link set ${HUB} mtu 16000`);
  const { segment } = await rig.attach(1);
  await vm.ok(`ip -n st1 link set ${segment} mtu 16000`);
  await reach(vm, "st1", HUB_ADDRESS);
  assert.is(await vm.ok(`cat /sys/class/net/${HUB}/ipscsi/peers/*/max_container`), "262144");
  await vm.ok(`grep -q ${tracing} /proc/mounts || mount -t tracefs tracefs ${tracing}
    for event in submit answer; do
      echo 'len > 65535' >${tracing}/events/ipscsi/ipscsi_$event/filter
      echo 1 >${tracing}/events/ipscsi/ipscsi_$event/enable
    done
    iperf3 -s -D; sleep 0.5`);
  // what is long enough depends on who gets a processor when
  await waitFor(
    "long containers each way",
    async () => {
      await vm.ok(`ip netns exec st1 iperf3 -c ${HUB_ADDRESS} -t 2 -P 6 --bidir`, { timeout: 60_000 });
      const trace = await vm.ok(`cat ${tracing}/trace`);
      return [/ SEND stream=88b6 len=\d{5,}/, / GET stream=88b6 len=\d{5,}/, /ipscsi_answer: .* len=\d{5,}/].every(
        (event) => event.test(trace),
      );
    },
    { timeout: 60_000 },
  );
  await vm.ok(`for event in submit answer; do
      echo 0 >${tracing}/events/ipscsi/ipscsi_$event/enable
      echo 0 >${tracing}/events/ipscsi/ipscsi_$event/filter
    done; echo >${tracing}/trace; killall iperf3`);
  for (const name of ["rx_malformed", "tx_too_big", "tx_nomem", "tx_failed", "get_failed"])
    assert.is(await counter(vm, HUB, name), 0, name);
  await rig.tearDown();
});

tests.test(
  "a device of type 09h without a station page is attached only by hand, and gets base messages",
  async (bench) => {
    const vm = bench.vm("loop");
    await vm.ok(
      "modprobe ipscsi; ip link add seg9 type ipscsi; ip addr add 10.145.0.1/24 dev seg9; ip link set seg9 up",
    );
    await vm.ok("modprobe scsi_debug ptype=9 max_queue=32");
    const device = await waitFor(
      "the device",
      async () => (await vm.run("ls -d /sys/bus/scsi/devices/*:*:*:*/ipscsi")).stdout.trim().split("/").at(-2),
      { timeout: 10_000 },
    );
    const attribute = `/sys/bus/scsi/devices/${device}/ipscsi/segment`;
    assert.is(await vm.ok(`cat ${attribute}`), "none", "it may be anything");
    await vm.ok(`echo seg9 >${attribute}`);
    await waitFor(
      "the peer to be up",
      async () => (await vm.run("cat /sys/class/net/seg9/ipscsi/peers/*/state")).stdout.trim() === "up",
      {
        timeout: 10_000,
      },
    );
    assert.is(await vm.ok("cat /sys/class/net/seg9/ipscsi/peers/*/mode"), "base");
    const address = (await vm.ok("ls /sys/class/net/seg9/ipscsi/peers")).trim();
    await vm.ok(`ip neigh replace 10.145.0.2 lladdr ${address} dev seg9`);
    const took = (count: number): Promise<unknown> =>
      waitFor("it to take the datagrams", async () => (await counter(vm, "seg9", "tx_packets")) >= count, {
        timeout: 15_000,
      });
    await vm.run("ping -c 3 -i 0.2 -W 1 10.145.0.2");
    await took(3);
    assert.is(await counter(vm, "seg9", "tx_failed"), 0);

    // a misbehaving peer: every third command is aborted, fails in transport, or finds no room
    const options = "/sys/bus/pseudo/drivers/scsi_debug";
    for (const [what, opts] of [
      ["transport errors", "0x10"],
      ["aborted commands", "0x20"],
      ["TASK SET FULL now and then", "0x800"],
      ["host busy", "0x8000"],
    ] as const) {
      await vm.ok(`echo ${opts} >${options}/opts; echo 3 >${options}/every_nth`);
      await vm.run("ping -c 12 -i 0.2 -W 1 10.145.0.2", { timeout: 60_000 });
      await vm.ok(`echo 0 >${options}/every_nth; echo 0 >${options}/opts`);
      const failed = await counter(vm, "seg9", "tx_failed");
      console.log(`  ${what}: tx_failed ${failed}, retries ${await counter(vm, "seg9", "retries")}`);
      await waitFor(
        "the peer to be up again",
        async () => (await vm.run("cat /sys/class/net/seg9/ipscsi/peers/*/state")).stdout.trim() === "up",
        {
          timeout: 30_000,
        },
      );
    }
    // a unit attention that is no reset: nothing is lost
    await vm.ok(`ip neigh replace 10.145.0.2 lladdr ${address} dev seg9`);
    const attention = {
      seen: await counter(vm, "seg9", "unit_attention"),
      lost: await counter(vm, "seg9", "tx_failed"),
    };
    await vm.ok(`echo 2 >${options}/max_luns`);
    await vm.run("ping -c 5 -i 0.2 -W 1 10.145.0.2");
    await waitFor(
      "it to tell that the LUNs have changed",
      async () => (await counter(vm, "seg9", "unit_attention")) > attention.seen,
      { timeout: 15_000 },
    );
    assert.is(await counter(vm, "seg9", "tx_failed"), attention.lost);

    // it answers nothing at all for a while: commands time out, and the adapter's error recovery aborts them
    await vm.ok(`echo 15 >/sys/module/ipscsi/parameters/command_timeout
      ip neigh replace 10.145.0.2 lladdr ${address} dev seg9
      echo 4 >${options}/opts; echo 1 >${options}/every_nth`);
    await vm.run("ping -c 3 -i 0.2 -W 1 10.145.0.2");
    await waitFor("a command to time out", async () => (await counter(vm, "seg9", "timeout")) > 0, {
      timeout: 60_000,
    });
    await vm.ok(`echo 0 >${options}/every_nth; echo 0 >${options}/opts`);
    await waitFor(
      "the peer to be up after the time-outs",
      async () => (await vm.run("cat /sys/class/net/seg9/ipscsi/peers/*/state")).stdout.trim() === "up",
      { timeout: 90_000 },
    );
    const before = await counter(vm, "seg9", "tx_packets");
    await vm.ok(`ip neigh replace 10.145.0.2 lladdr ${address} dev seg9`);
    await vm.run("ping -c 3 -i 0.2 -W 1 10.145.0.2");
    await took(before + 3);
    await vm.ok("modprobe -r scsi_debug", { timeout: 60_000 });
    await vm.ok("ip link del seg9; modprobe -r ipscsi");
  },
);

tests.test(
  "two peers on an adapter that takes one command at a time: who finds no tag waits, and loses nothing",
  async (bench) => {
    const vm = bench.vm("loop");
    await vm.ok("modprobe ipscsi; modprobe scsi_debug ptype=9 max_luns=2 max_queue=1 delay=1"); // each takes a jiffy
    const devices = await waitFor(
      "both devices",
      async () => {
        const { stdout } = await vm.run("ls -d /sys/bus/scsi/devices/*:*:*:*/ipscsi");
        const found = stdout
          .trim()
          .split("\n")
          .map((path) => path.split("/").at(-2) ?? "");
        return found.length === 2 && found;
      },
      { timeout: 10_000 },
    );
    assert.is(await vm.ok(`cat /sys/class/scsi_host/host${devices[0]?.split(":")[0]}/can_queue`), "1");
    const names = ["seg8", "seg9"];
    for (const [index, name] of names.entries()) {
      await vm.ok(`set -e
      ip link add ${name} type ipscsi; ip addr add 10.145.${index}.1/24 dev ${name}; ip link set ${name} up
      echo ${name} >/sys/bus/scsi/devices/${devices[index]}/ipscsi/segment`);
      await waitFor(
        "the peer to be up",
        async () => (await vm.run(`cat /sys/class/net/${name}/ipscsi/peers/*/state`)).stdout.trim() === "up",
        { timeout: 10_000 },
      );
      await vm.ok(`ip neigh replace 10.145.${index}.2 lladdr $(ls /sys/class/net/${name}/ipscsi/peers) dev ${name}`);
    }
    const before = await Promise.all(names.map((name) => counter(vm, name, "tx_packets")));
    await Promise.all(names.map((_name, index) => vm.run(`ping -q -c 300 -i 0.002 -W 1 10.145.${index}.2`)));
    for (const [index, name] of names.entries()) {
      await waitFor(
        "all to be sent",
        async () => (await counter(vm, name, "tx_packets")) >= (before[index] ?? 0) + 300,
        {
          timeout: 20_000,
        },
      );
      for (const lost of ["tx_failed", "tx_nomem", "tx_queue_full", "tx_peer_down", "timeout"])
        assert.is(await counter(vm, name, lost), 0, `${name}: ${lost}`);
    }
    await vm.ok("modprobe -r scsi_debug; ip link del seg8; ip link del seg9; modprobe -r ipscsi", { timeout: 60_000 });
  },
);

tests.test("user space is told when a peer goes down and comes up", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 1, async (rig) => {
    const { device, namespace, segment } = rig.station(1);
    const attribute = `/sys/bus/scsi/devices/${device}/ipscsi/segment`;
    // a handler for each event: busybox's own output waits for a full buffer
    const events = await vm.ok(`rm -f /tmp/uevents; echo 'echo "$ACTION $DEVPATH $STATE" >>/tmp/uevents' >/tmp/on-event
      busybox uevent sh /tmp/on-event & pid=$!
      until awk -v pid=$pid '$2 == 15 && $3 == pid { found = 1 } END { exit !found }' /proc/net/netlink; do sleep 0.1; done
      told() { for i in $(seq 100); do grep -q "/${HUB}/ipscsi/peers/.* $1" /tmp/uevents && break; sleep 0.2; done; sleep 1; }
      echo none >${attribute}; told down
      ip netns exec ${namespace} sh -c 'echo ${segment} >${attribute}'; told up
      kill $pid; cat /tmp/uevents`);
    const ours = events.split("\n").filter((event) => event.includes(`/net/${HUB}/ipscsi/peers/`));
    const states = ours.filter((event) => event.startsWith("change")).map((event) => event.split(" ").at(-1));
    assert.equal(states, ["down", "up"], events);
  });
});

tests.test(
  "the hub's carrier is switched off by hand: stations lose theirs, and get it back with it",
  async (bench) => {
    const vm = bench.vm("loop");
    await withRig(vm, 1, async (rig) => {
      const { namespace, segment } = rig.station(1);
      const links = [`ip link show ${HUB}`, `ip -n ${namespace} link show ${segment}`];
      for (const on of [false, true]) {
        const become = on ? "on" : "off";
        await vm.ok(`ip link set ${HUB} carrier ${become}`);
        const settled = async (): Promise<boolean> => {
          const shown = await Promise.all(links.map((show) => vm.ok(show)));
          return shown.every((link) => link.includes("LOWER_UP") === on);
        };
        await waitFor(`both carriers to be ${become}`, settled, { timeout: 15_000 });
      }
      await reach(vm, namespace, HUB_ADDRESS);
    });
  },
);

tests.test("suspend and resume with traffic", async (bench) => {
  const vm = bench.vm("loop");
  await withRig(vm, 1, async () => {
    vm.start(`ip netns exec st1 ping -i 0.1 ${HUB_ADDRESS} >/dev/null`);
    await vm.ok("echo devices >/sys/power/pm_test; echo freeze >/sys/power/state", { timeout: 90_000 });
    await reach(vm, "st1", HUB_ADDRESS);
    await vm.run("killall ping");
  });
});

tests.run();
