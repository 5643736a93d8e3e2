// SPDX-License-Identifier: Apache-2.0
/**
 * What could export a segment on this machine: ports with target mode, by what the running kernel offers, with what
 * they export and what keeps one from being used. Nothing here needs root.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Adapter, AdapterExport, Problem } from "../api/status.ts";
import { linkName, namesInOrder, text } from "./files.ts";
import type { InterfaceAddress } from "./ipJson.ts";

export interface AdapterSources {
  /** /sys */
  sys: string;
  /** /proc */
  proc: string;
  /** /lib/modules */
  modules: string;
}

/** Module of each fabric, and its folder in configfs. */
const FABRICS = {
  iscsi: { module: "iscsi_target_mod", folder: "iscsi" },
  loop: { module: "tcm_loop", folder: "loopback" },
  qla2xxx: { module: "tcm_qla2xxx", folder: "qla2xxx" },
  sbp: { module: "sbp_target", folder: "sbp" },
  srpt: { module: "ib_srpt", folder: "srpt" },
} as const;
export type Fabric = keyof typeof FABRICS;
const ALL = Object.keys(FABRICS) as Fabric[];
/** Those whose ports are of host adapters. */
export const OF_ADAPTERS: readonly Fabric[] = ["qla2xxx", "sbp", "srpt"];

/** A port before it is known what it exports. */
interface Port {
  port: string | null;
  device: string | null;
  link: Adapter["link"];
  problem: Problem | null;
}

/**
 * @param addresses of this machine, by interface: the portals that iSCSI could have
 * @param segments names of the segments' interfaces, which are none
 * @param fabrics those that are asked for
 */
export function readAdapters(
  sources: AdapterSources,
  addresses: ReadonlyMap<string, readonly InterfaceAddress[]>,
  segments: readonly string[],
  fabrics: readonly Fabric[] = ALL,
): Adapter[] {
  const ports: Record<Fabric, () => Port[]> = {
    iscsi: () => portals(sources.sys, addresses, segments),
    loop: () => [{ port: null, device: null, link: "up", problem: null }],
    qla2xxx: () => fibreChannelPorts(sources.sys),
    sbp: () => fireWireCards(sources.sys),
    srpt: () => rdmaPorts(sources.sys),
  };
  return fabrics.flatMap((fabric) => {
    const found = ports[fabric]();
    if (found.length === 0) return []; // the list of the kernel's modules is long
    const missing = missingModule(fabric, sources);
    const exported = exports(sources.sys, fabric);
    return found.map(({ port, device, link, problem }) => {
      const own = exported.filter((entry) => leadsThrough(fabric, entry, port));
      const wrong = missing ?? problem;
      const state = own.length > 0 ? "exported" : wrong === null ? "usable" : "unusable";
      return {
        fabric,
        port,
        device,
        link,
        state,
        exports: own.map(({ portals: _, ...entry }) => entry),
        problem: wrong,
      };
    });
  });
}

/** An address of the machine that an iSCSI target could listen on. */
function portals(
  sys: string,
  addresses: ReadonlyMap<string, readonly InterfaceAddress[]>,
  segments: readonly string[],
): Port[] {
  return [...addresses].flatMap(([device, list]) =>
    segments.includes(device) || device === "lo"
      ? []
      : list
          .filter(({ family }) => family === "inet")
          .map(({ cidr }) => {
            const carrier = text(join(sys, "class/net", device, "carrier"));
            return { port: `${cidr.split("/")[0]}:3260`, device, link: linkState(carrier, "1"), problem: null };
          }),
  );
}

/** Ports of all Fibre Channel adapters; of those, qla2xxx has target mode. */
function fibreChannelPorts(sys: string): Port[] {
  return namesInOrder(join(sys, "class/fc_host")).map((device) => {
    const folder = join(sys, "class/fc_host", device);
    const driver = text(join(sys, "class/scsi_host", device, "proc_name"));
    const name = text(join(folder, "port_name")).replace(/^0x/, "");
    const port = /^[0-9a-f]{16}$/.test(name) ? (name.match(/../g) ?? []).join(":") : null;
    const link = linkState(text(join(folder, "port_state")), "Online");
    return { port, device, link, problem: fibreChannelProblem(sys, device, driver) };
  });
}

function fibreChannelProblem(sys: string, device: string, driver: string): Problem | null {
  if (driver !== "qla2xxx") {
    return unusable(
      `the driver ${driver || "of this adapter"} has no target mode in Linux`,
      "Use a QLogic adapter that the driver qla2xxx serves.",
    );
  }
  const mode = text(join(sys, "module/qla2xxx/parameters/qlini_mode"));
  if (mode !== "enabled" && mode !== "") return null;
  return unusable(
    `${device} is an initiator only: qla2xxx was loaded with qlini_mode=${mode || "enabled"}`,
    "Start the kernel with qla2xxx.qlini_mode=exclusive, then restart the gateway.",
  );
}

/** The machine's own FireWire cards; other nodes of the bus are no ports of ours. */
function fireWireCards(sys: string): Port[] {
  const root = join(sys, "bus/firewire/devices");
  return namesInOrder(root)
    .filter((name) => /^fw[0-9]+$/.test(name) && text(join(root, name, "is_local")) === "1")
    .map((device) => {
      const guid = text(join(root, device, "guid")).replace(/^0x/, "");
      const port = /^[0-9a-f]{16}$/.test(guid) ? guid : null;
      return { port, device, link: "unknown", problem: null };
    });
}

/** Ports of InfiniBand and RoCE adapters, by their first GID. */
function rdmaPorts(sys: string): Port[] {
  const root = join(sys, "class/infiniband");
  return namesInOrder(root).flatMap((adapter) =>
    namesInOrder(join(root, adapter, "ports")).map((number) => {
      const folder = join(root, adapter, "ports", number);
      const gid = text(join(folder, "gids/0")).replaceAll(":", "");
      const port = /^[0-9a-f]{32}$/.test(gid) ? `0x${gid}` : null;
      const link = linkState(text(join(folder, "state")), "4: ACTIVE");
      return { port, device: `${adapter}/${number}`, link, problem: null };
    }),
  );
}

function linkState(value: string, up: string): Adapter["link"] {
  if (value === "") return "unknown";
  return value === up ? "up" : "down";
}

interface Exported extends AdapterExport {
  /** Of an iSCSI target. */
  portals: string[];
}

/** Targets of one fabric that lead to a segment. */
function exports(sys: string, fabric: Fabric): Exported[] {
  const root = join(sys, "kernel/config/target", FABRICS[fabric].folder);
  return namesInOrder(root).flatMap((target) => {
    const tpg = join(root, target, "tpgt_1");
    const segment = linkName(join(tpg, "lun/lun_0/scsigate"));
    if (segment === undefined) return [];
    const enabled = fabric === "loop" || text(join(tpg, "enable")) === "1";
    return [{ segment, target, enabled, portals: namesInOrder(join(tpg, "np")) }];
  });
}

function leadsThrough(fabric: Fabric, { target, portals: listening }: Exported, port: string | null): boolean {
  if (fabric === "loop") return true;
  if (fabric !== "iscsi") return target === port;
  const host = port?.split(":")[0];
  return listening.some((portal) => portal.startsWith("0.0.0.0:") || portal.split(":")[0] === host);
}

/** A fabric's module that is neither loaded nor on this machine. */
function missingModule(fabric: Fabric, { sys, proc, modules }: AdapterSources): Problem | null {
  const { module } = FABRICS[fabric];
  if (existsSync(join(sys, "module", module))) return null;
  const folder = join(modules, text(join(proc, "sys/kernel/osrelease")));
  const file = new RegExp(`/${module.replaceAll("_", "[_-]")}\\.ko`);
  const known = ["modules.dep", "modules.builtin"].some((list) => file.test(text(join(folder, list))));
  if (known) return null;
  return unusable(`this kernel has no module ${module}`, "Use an image whose kernel has it.");
}

function unusable(message: string, nextStep: string): Problem {
  return { code: "adapter-unusable", message, nextStep };
}
