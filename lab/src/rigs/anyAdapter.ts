// SPDX-License-Identifier: Apache-2.0
// Pairs of an initiator's and a target's driver, as kernels have them, and one segment over each of them: exported on the
// machine "hub", attached on the machine "host" of src/topologies/adapters.ts. What differs from pair to pair is data, in shell.
import { waitFor } from "../time.ts";
import type { AdapterKind } from "../topologies/types.ts";
import type { RemoteCommand } from "../vm/agent-client.ts";
import type { Bench } from "../vm/bench.ts";
import type { Vm } from "../vm/vm.ts";
import { iperfClient, iperfRate } from "./iperf.ts";
import { CONFIGFS, fabricPath, wwn } from "./loop.ts";

export interface Pair {
  readonly name: string;
  /** Kernel modules: the initiator's, and the target's. */
  readonly drivers: readonly [string, string];
  /** From 1; the pair's subnet is 10.50.<number>.0/24. */
  readonly number: number;
  /** The folder of the target port group, as a word of the shell. */
  readonly group: string;
  /** Makes the group; what all groups have in common comes after it. */
  readonly exports: string;
  /** Removes what is left when the group is gone. */
  readonly withdraws: string;
  /** Loads the initiator's driver, and logs in where one has to; and the other way round. */
  readonly plugs: string;
  readonly unplugs: string;
  /** What the hub does as an initiator, after the station has done it, and before the station undoes it. */
  readonly hub?: Pick<Pair, "plugs" | "unplugs">;
  /** On the station's machine: a command that succeeds once both have. */
  readonly shown?: string;
  /** In the hub's own kernel, in a namespace. */
  readonly local?: true;
  /** Why its LUN is not unlinked in mid-transfer. */
  readonly holdsLun?: string;
}

/** Why a pair carries no packet, and how that is seen. */
export interface Failure {
  readonly why: string;
  /** On the station's machine: a command that succeeds where it is so. */
  readonly shown: string;
}

/** Of QEMU's PCI adapters. They reach the target by QEMU's own iSCSI initiator. */
export interface EmulatedPair extends Pair {
  readonly model: AdapterKind;
  readonly fails?: Failure;
  /** Plugged in when the machine runs: its BIOS does not get past it. */
  readonly later?: true;
}

/** What a machine needs to know to export a segment. */
type Export = Pick<Pair, "number" | "group" | "exports" | "withdraws">;

export const PORTAL_PORT = 3260;
/** Of the two pairs over TCP, and of iSER: LIO gives an address and port away once. */
const TCP_PORT = 3262;
const ISER_PORT = 3261;
const SYMMETRIC_PORT = 3263;
const HUB_FABRIC = "10.77.0.1";
const HOST_FABRIC = "10.77.0.2";
/** Of the Ethernet: a frame of Fibre Channel has up to 2158 bytes. */
const FABRIC_MTU = 2500;
const HUB_PORT_NAME = "20:00:52:54:00:5c:51:41";
const HOST_PORT_NAME = "20:00:52:54:00:5c:51:42";
/** Of SRP's logins by way of the RDMA connection manager. */
const SRP_PORT = 5555;
const NAMESPACE = "st";

const backendOf = ({ number }: Export): string => `${CONFIGFS}/core/ipscsi_0/net${number}`;
const hubSegment = ({ number }: Export): string => `hub${number}`;
const hubAddress = ({ number }: Export): string => `10.50.${number}.1`;
const stationAddress = ({ number }: Export): string => `10.50.${number}.2`;

function iqn(name: string): string {
  return `iqn.2026-11.org.scsigate:${name}`;
}

/** Whoever comes is let in; without CHAP. */
function iscsiGroup(name: string, portal: string, iser = false): Pick<Pair, "group" | "exports" | "withdraws"> {
  const target = `${CONFIGFS}/iscsi/${iqn(name)}`;
  const group = `${target}/tpgt_1`;
  return {
    group,
    exports: `modprobe iscsi_target_mod${iser ? " && modprobe ib_isert" : ""}
      mkdir -p ${group}/np/${portal}
      ${iser ? `echo 1 >${group}/np/${portal}/iser` : ""}
      echo 0 >${group}/attrib/authentication
      echo 1 >${group}/attrib/generate_node_acls
      echo 1 >${group}/attrib/cache_dynamic_acls`,
    withdraws: `rmdir ${group}/np/* ${group} ${target}${iser ? "\nmodprobe -r ib_isert" : ""}`,
  };
}

function emulatedPair(
  number: number,
  model: AdapterKind,
  name: string,
  module: string,
  more: Pick<EmulatedPair, "fails" | "later"> = {},
): EmulatedPair {
  return {
    ...{ name, number, model, drivers: [module, "iscsi_target_mod"] },
    ...iscsiGroup(model, `0.0.0.0:${PORTAL_PORT}`),
    plugs: `modprobe ${module}`,
    unplugs: `modprobe -r ${module}`,
    ...more,
  };
}

const NO_DEVICE = "! ls -d /sys/bus/scsi/devices/*:*:*:* 2>/dev/null";

export const emulated: readonly EmulatedPair[] = [
  emulatedPair(1, "lsi53c895a", "LSI53C895A, parallel SCSI", "sym53c8xx"),
  emulatedPair(2, "virtio-scsi-pci", "virtio-scsi", "virtio_scsi"),
  emulatedPair(3, "pvscsi", "VMware PVSCSI", "vmw_pvscsi"),
  emulatedPair(4, "mptsas1068", "LSI SAS1068", "mptsas", {
    fails: {
      why: "the driver finds the adapter with its 8 phys, and no device behind them",
      shown: `test $(ls /sys/class/sas_phy | wc -l) = 8 && test -z "$(ls /sys/class/sas_end_device)" && ${NO_DEVICE}`,
    },
  }),
  emulatedPair(5, "megasas", "LSI MegaRAID SAS 1078", "megaraid_sas", {
    fails: {
      why: "a device of type 09h appears, but GET MESSAGE ends with sense 04/44/00 and no peer comes up",
      shown: `sg_raw -r 6 /dev/$(ls /sys/class/scsi_generic) 28 00 00 00 00 00 00 00 06 00 2>&1 | grep 'Internal target failure' &&
        ! grep up /sys/class/net/seg*/ipscsi/peers/*/state`,
    },
  }),
  emulatedPair(6, "am53c974", "AM53C974, parallel SCSI", "am53c974", {
    later: true,
    fails: {
      why: "plugged into the running machine, it answers INQUIRY; the next command hangs and is aborted, and no device appears",
      shown: `dmesg | grep 'IP STATION' && dmesg | grep 'Aborting command' && ${NO_DEVICE}`,
    },
  }),
];

export function targetName({ model }: EmulatedPair): string {
  return iqn(model);
}

const NODE_DIGESTS = ["HeaderDigest", "DataDigest"].map((name) => `node.conn[0].iscsi.${name}`);

/** By the kernel's own initiator. @param digests None or CRC32C, of headers and data */
function iscsiPair(number: number, name: string, transport: "tcp" | "iser", digests: string): Pair {
  const iser = transport === "iser";
  const target = `fabric${number}`;
  const portal = `${HUB_FABRIC}:${iser ? ISER_PORT : TCP_PORT}`;
  const node = `iscsiadm -m node -T ${iqn(target)} -p ${portal}`;
  const module = iser ? "ib_iser" : "iscsi_tcp";
  return {
    ...{ name, number, drivers: [module, iser ? "ib_isert" : "iscsi_target_mod"] },
    ...iscsiGroup(target, portal, iser),
    plugs: `modprobe ${module}
      ${node} ${iser ? "-I iser" : ""} -o new
      ${NODE_DIGESTS.map((setting) => `${node} -o update -n '${setting}' -v ${digests}`).join("\n")}
      ${node} --login
      ${iser ? "" : `test $(iscsiadm -m session -P 2 | grep -c 'Digest: ${digests}') = 2`}`,
    unplugs: `${node} --logout\n${node} -o delete\n${gone(module)}`,
  };
}

/** Some modules are let go a moment after what used them has ended. */
function gone(...modules: readonly string[]): string {
  return modules
    .map((name) => `for try in $(seq 50); do modprobe -r ${name} && break; sleep 0.2; done\nmodprobe -r ${name}`)
    .join("\n");
}

const SYMMETRIC_NUMBER = 13;
const STATION_SEGMENT = `seg${SYMMETRIC_NUMBER}`;
const AUTO_ATTACH = "/sys/module/ipscsi/parameters/auto_attach";
const DEVICE = "/sys/bus/scsi/devices/*:*:*:*/ipscsi";

/** Logs in, and gives what appears to the segment that this machine exports. */
function loginPair(target: string, portal: string, segment: string): Pick<Pair, "plugs" | "unplugs"> {
  const node = `iscsiadm -m node -T ${iqn(target)} -p ${portal}`;
  return {
    plugs: `echo N >${AUTO_ATTACH}
      modprobe iscsi_tcp
      ${node} -o new
      ${node} --login
      for try in $(seq 50); do ls -d ${DEVICE} && break; sleep 0.2; done
      echo ${segment} >$(ls -d ${DEVICE})/segment`,
    unplugs: `${node} --logout\n${node} -o delete\necho Y >${AUTO_ATTACH}`,
  };
}

function symmetricPair(): Pair {
  const [near, far] = [`${HUB_FABRIC}:${SYMMETRIC_PORT}`, `${HOST_FABRIC}:${SYMMETRIC_PORT}`];
  const pair = { number: SYMMETRIC_NUMBER, ...iscsiGroup("near", near) };
  const station = { number: SYMMETRIC_NUMBER, ...iscsiGroup("far", far) };
  const login = loginPair("near", near, STATION_SEGMENT);
  return {
    ...{
      ...pair,
      name: "iSCSI both ways: each machine is target and initiator",
      drivers: ["iscsi_tcp", "iscsi_target_mod"],
    },
    plugs: `${exportScript(station, STATION_SEGMENT, stationAddress(station))}\n${login.plugs}`,
    unplugs: `${login.unplugs}
      ${withdrawScript(station, STATION_SEGMENT)}
      rmdir ${CONFIGFS}/core/ipscsi_0 ${CONFIGFS}/iscsi
      ${gone("iscsi_target_mod", "ipscsi_target", "iscsi_tcp")}`,
    hub: loginPair("far", far, hubSegment(pair)),
    shown: `test "$(cat /sys/class/net/${STATION_SEGMENT}/ipscsi/peers/*/mode)" = symmetric`,
    holdsLun: "not done: the other way would go on",
  };
}

const FC_GROUP = `${CONFIGFS}/fc/${HUB_PORT_NAME}/tpgt_1`;
const LIBFCOE = "/sys/module/libfcoe/parameters";

const vn2vn: Pair = {
  ...{ name: "FCoE VN2VN, for Fibre Channel", number: 9, drivers: ["fcoe", "tcm_fc"], group: FC_GROUP },
  exports: `modprobe -a fcoe tcm_fc
    echo eth1 >${LIBFCOE}/create_vn2vn
    mkdir -p ${FC_GROUP}/acls/${HOST_PORT_NAME}/lun_0`,
  withdraws: `rmdir ${FC_GROUP}/acls/*/lun_0 ${FC_GROUP}/acls/* ${FC_GROUP} $(dirname ${FC_GROUP}) ${CONFIGFS}/fc
    echo eth1 >${LIBFCOE}/destroy
    ${gone("tcm_fc", "fcoe")}`,
  plugs: `modprobe fcoe\necho eth0 >${LIBFCOE}/create_vn2vn`,
  holdsLun: "not done: the target never let go of it, the command that unlinks it had not ended after 60 s",
  unplugs: `echo eth0 >${LIBFCOE}/destroy\n${gone("fcoe")}`,
};

// By the port's GID: a group by its GUID knows who logs in over RDMA's connection manager by the target's own address only.
const SRP_GROUP = `${CONFIGFS}/srpt/0xfe80000000000000505400fffe5c5141/tpgt_1`;
const SRP_TARGET = "505400fffe5c5141";
const SRP_INITIATOR = "0x0000000000000000505400fffe5c5142";

const srp: Pair = {
  ...{ name: "SRP over rdma_rxe", number: 10, drivers: ["ib_srp", "ib_srpt"], group: SRP_GROUP },
  exports: `modprobe ib_srpt
    mkdir -p ${CONFIGFS}/srpt
    echo ${SRP_PORT} >${CONFIGFS}/srpt/discovery_auth/rdma_cm_port
    mkdir -p ${SRP_GROUP}/acls/${SRP_INITIATOR}/lun_0`,
  withdraws: `rmdir ${SRP_GROUP}/acls/*/lun_0 ${SRP_GROUP}/acls/* ${SRP_GROUP} $(dirname ${SRP_GROUP}) ${CONFIGFS}/srpt
    ${gone("ib_srpt")}`,
  plugs: `modprobe ib_srp
    echo id_ext=${SRP_TARGET},ioc_guid=${SRP_TARGET},dest=${HUB_FABRIC}:${SRP_PORT} >/sys/class/infiniband_srp/srp-rxe0-1/add_target`,
  unplugs: gone("ib_srp"),
};

const LOOP_NUMBER = 12;
const LOOP_GROUP = fabricPath(LOOP_NUMBER);

const tcmLoop: Pair = {
  ...{ name: "tcm_loop, in one machine", number: LOOP_NUMBER, local: true, group: LOOP_GROUP },
  drivers: ["tcm_loop", "tcm_loop"],
  exports: `modprobe tcm_loop\nmkdir -p ${LOOP_GROUP}\necho ${wwn(LOOP_NUMBER, "initiator")} >${LOOP_GROUP}/nexus`,
  withdraws: `echo NULL >${LOOP_GROUP}/nexus
    rmdir ${LOOP_GROUP} $(dirname ${LOOP_GROUP}) ${CONFIGFS}/loopback
    ${gone("tcm_loop")}`,
  plugs: "true",
  unplugs: "true",
};

export const fabrics: readonly Pair[] = [
  iscsiPair(7, "iSCSI over TCP, without digests", "tcp", "None"),
  iscsiPair(8, "iSCSI over TCP, CRC32C digests of headers and data", "tcp", "CRC32C"),
  vn2vn,
  srp,
  iscsiPair(11, "iSER over rdma_rxe", "iser", "None"),
  symmetricPair(),
  tcmLoop,
];

/** A LUN for whoever may see the group, and away from all of them. */
function linkScript(pair: Export): string {
  return `ln -s ${backendOf(pair)} ${pair.group}/lun/lun_0/port
    for acl in ${pair.group}/acls/*/lun_0; do [ ! -d $acl ] || ln -s ${pair.group}/lun/lun_0 $acl/net; done`;
}

function unlinkScript({ group }: Export): string {
  return `rm -f ${group}/acls/*/lun_0/net ${group}/lun/lun_0/port`;
}

/** A segment with an address, and its export. */
export function exportScript(pair: Export, segment = hubSegment(pair), address = hubAddress(pair)): string {
  return `modprobe -a configfs target_core_mod ipscsi ipscsi_target
    grep -q ' /sys/kernel/config ' /proc/mounts || mount -t configfs configfs /sys/kernel/config
    ip link add ${segment} type ipscsi
    ip addr add ${address}/24 dev ${segment}
    ip link set ${segment} up
    mkdir -p ${backendOf(pair)}
    echo segment=${segment} >${backendOf(pair)}/control
    echo 1 >${backendOf(pair)}/enable
    ${pair.exports}
    mkdir -p ${pair.group}/lun/lun_0
    ${linkScript(pair)}
    [ ! -e ${pair.group}/enable ] || echo 1 >${pair.group}/enable`;
}

function withdrawScript(pair: Export, segment = hubSegment(pair)): string {
  return `${unlinkScript(pair)}
    [ ! -e ${pair.group}/enable ] || echo 0 >${pair.group}/enable
    rmdir ${pair.group}/lun/lun_0
    ${pair.withdraws}
    rmdir ${backendOf(pair)}
    ip link del ${segment}`;
}

/** What a pair that works was seen to do. */
export interface Seen {
  /** Milliseconds, of ten pings on average. */
  readonly ping: number;
  /** Bits a second of one TCP connection to the hub, and to the station. */
  readonly rates: readonly [number, number];
  /** Not set where the LUN cannot be unlinked in mid-transfer. */
  readonly unlinks?: Unlinks;
}

export interface Unlinks {
  /** Seconds from the LUN's end in mid-transfer until the station knows, and from its return until it is answered. */
  readonly unlinked: number;
  readonly linked: number;
}

const BYTES = 20_000_000;
const TRANSFER_TIMEOUT = 300_000;
/** Of a measurement of throughput. */
const SECONDS = 4;
/** Of the transfer that the LUN's end meets, on its way. */
const UNDER_WAY = 2_000_000;
/** For a station to notice or to be there again, and for what does not work to show it, milliseconds. */
const PATIENCE = 60_000;

/** Stock sym53c8xx gives memory back with interrupts off when it is unloaded, of which the kernel warns. */
const SYM_UNLOAD = /WARNING: .* dma_free_attrs/;

/** What all pairs need: the Ethernet, RDMA over it, open-iscsi, a file to fetch. */
export async function prepare(bench: Bench): Promise<void> {
  const [hub, host] = [bench.vm("hub"), bench.vm("host")];
  host.expectComplaint(SYM_UNLOAD);
  for (const [vm, link, address] of [
    [hub, "eth1", HUB_FABRIC],
    [host, "eth0", HOST_FABRIC],
  ] as const) {
    await script(
      vm,
      `depmod
      ip addr add ${address}/24 dev ${link}
      ip link set ${link} mtu ${FABRIC_MTU} up
      modprobe rdma_rxe
      rdma link add rxe0 type rxe netdev ${link}
      mount -t tmpfs tmpfs /mnt
      head -c ${BYTES} /dev/urandom >/mnt/file`,
    );
  }
  await script(host, "modprobe -r sym53c8xx virtio_scsi ipscsi");
  for (const vm of [hub, host]) {
    await script(
      vm,
      `mkdir -p /etc/iscsi /run/lock/iscsi
      echo InitiatorName=${iqn(vm.name)} >/etc/iscsi/initiatorname.iscsi
      printf '%s\\n' 'node.startup = manual' 'node.conn[0].timeo.login_timeout = 5' >/etc/iscsi/iscsid.conf
      modprobe iscsi_tcp`,
    );
    vm.start("exec iscsid -f >/run/iscsid.log 2>&1");
  }
  await hub.ok(`ip netns add ${NAMESPACE} && ip -n ${NAMESPACE} link set lo up`);
}

async function script(vm: Vm, text: string): Promise<string> {
  return vm.ok("sh -e -s", { input: text, timeout: PATIENCE });
}

export class PairRig {
  readonly pair: Pair;
  readonly #hub: Vm;
  readonly #machine: Vm;
  readonly #inside: string;

  constructor(bench: Bench, pair: Pair) {
    this.pair = pair;
    this.#hub = bench.vm("hub");
    this.#machine = pair.local ? this.#hub : bench.vm("host");
    this.#inside = pair.local ? `ip netns exec ${NAMESPACE} ` : "";
  }

  exports(): Promise<string> {
    return script(this.#hub, exportScript(this.pair));
  }

  withdraws(): Promise<string> {
    return script(this.#hub, withdrawScript(this.pair));
  }

  /** The adapter's driver and ours. */
  async plugs(): Promise<void> {
    await script(this.#machine, `modprobe ipscsi\n${this.pair.plugs}`);
    if (this.pair.hub) await script(this.#hub, this.pair.hub.plugs);
  }

  /** Both again; what is on the hub's machine stays, where hub segments are. */
  async unplugs(): Promise<void> {
    if (this.pair.hub) await script(this.#hub, this.pair.hub.unplugs);
    await script(this.#machine, `${this.pair.unplugs}\n${this.pair.local ? "" : "modprobe -r ipscsi"}`);
  }

  /** Waits for what shows how it is with a pair. */
  async shows(command: string): Promise<void> {
    await waitFor(`"${command}"`, async () => (await this.#machine.run(command)).code === 0, { timeout: PATIENCE });
  }

  /** Waits for the segment, gives it an address, waits for an answer. */
  async attaches(): Promise<void> {
    const name = await waitFor("the segment", () => this.#segment(), { timeout: PATIENCE });
    // The one of a LUN that came back is new, and has the name of the one before.
    const moves = `ip -n ${NAMESPACE} link del ${name} 2>/dev/null\nip link set ${name} netns ${NAMESPACE}`;
    if (this.pair.local) await this.#machine.ok(`! ip link show dev ${name} >/dev/null 2>&1 || { ${moves}; }`);
    await script(
      this.#machine,
      `${this.#inside}ip addr replace ${stationAddress(this.pair)}/24 dev ${name}
      ${this.#inside}ip link set ${name} up`,
    );
    await waitFor("an answer", () => this.#answered(), { timeout: PATIENCE });
    if (this.pair.shown) await this.shows(this.pair.shown);
  }

  /** Milliseconds, on average. */
  async ping(): Promise<number> {
    const said = await this.#machine.ok(`${this.#inside}ping -n -c 10 -i 0.2 -W 5 ${hubAddress(this.pair)}`);
    return Number(/= [\d.]+\/([\d.]+)\//.exec(said)?.[1]);
  }

  /** 20 MB by HTTP to the station and to the hub. @returns checksums of [what was sent, what came] of both */
  async transfers(): Promise<[string, string][]> {
    const at = (vm: Vm, inside: string, address: string) => ({ vm, inside, address });
    const hub = at(this.#hub, "", hubAddress(this.pair));
    const station = at(this.#machine, this.#inside, stationAddress(this.pair));
    const sums: [string, string][] = [];
    for (const [from, to] of [
      [hub, station],
      [station, hub],
    ] as const) {
      const server = from.vm.start(`exec ${from.inside}httpd -f -p ${from.address}:80 -h /mnt`);
      try {
        const fetch = `curl -sf --retry 20 --retry-delay 1 --retry-connrefused http://${from.address}/file`;
        const came = await to.vm.ok(`${to.inside}${fetch} | sha256sum`, { timeout: TRANSFER_TIMEOUT });
        sums.push([await from.vm.ok("sha256sum </mnt/file"), came]);
      } finally {
        await stop(server);
      }
    }
    return sums;
  }

  /** Bits a second, to the hub and to the station. */
  async rates(): Promise<[number, number]> {
    const server = await this.#iperfServer();
    try {
      const rates: number[] = [];
      for (const more of ["", "-R"]) {
        const client = iperfClient(hubAddress(this.pair), SECONDS, more);
        rates.push(iperfRate(await this.#machine.ok(`${this.#inside}${client}`, { timeout: TRANSFER_TIMEOUT })));
      }
      return [rates[0] ?? 0, rates[1] ?? 0];
    } finally {
      await stop(server);
    }
  }

  /** The LUN goes while TCP is under way, and comes back. */
  async unlinks(): Promise<Unlinks> {
    const server = await this.#iperfServer();
    const client = this.#machine.start(`exec ${this.#inside}${iperfClient(hubAddress(this.pair), 600)}`);
    const received = `cat /sys/class/net/hub${this.pair.number}/statistics/rx_bytes`;
    const before = Number(await this.#hub.ok(received));
    const wanted = before + UNDER_WAY;
    await waitFor("a transfer", async () => Number(await this.#hub.ok(received)) > wanted, { timeout: PATIENCE });
    const from = Date.now();
    await script(this.#hub, unlinkScript(this.pair));
    const states = `${this.#inside}cat /sys/class/net/seg*/ipscsi/peers/*/state`;
    await waitFor("the station to know", async () => !/up/.test((await this.#machine.run(states)).stdout), {
      timeout: PATIENCE,
    });
    const unlinked = (Date.now() - from) / 1000;
    await stop(client);
    await stop(server);
    await script(this.#hub, linkScript(this.pair));
    const since = Date.now();
    await this.attaches();
    return { unlinked, linked: (Date.now() - since) / 1000 };
  }

  async #iperfServer(): Promise<RemoteCommand> {
    const server = this.#hub.start("exec iperf3 -s");
    const listens = async (): Promise<boolean> => (await this.#hub.run("ss -ltn | grep -q :5201")).code === 0;
    await waitFor("iperf3's server", listens, { timeout: PATIENCE });
    return server;
  }

  async #answered(): Promise<boolean> {
    return (await this.#machine.run(`${this.#inside}ping -n -c 1 -W 1 ${hubAddress(this.pair)}`)).code === 0;
  }

  async #segment(): Promise<string | undefined> {
    const { stdout } = await this.#machine.run("cat /sys/bus/scsi/devices/*:*:*:*/ipscsi/segment | grep -vx none");
    return stdout.trim() || undefined;
  }
}

async function stop(command: RemoteCommand): Promise<void> {
  command.kill("SIGKILL");
  await command.done;
}
