// SPDX-License-Identifier: Apache-2.0
/** What may stand in settings that name things of this machine or of its hosts: for forms to offer. */
import { join } from "node:path";
import type { Suggestion } from "../api/network.ts";
import type { Adapter } from "../api/status.ts";
import { names, text } from "../observe/files.ts";
import type { EthernetInterface } from "../observe/sysfs.ts";

/** Which setting has a fabric's ports. */
const PORTS: Readonly<Partial<Record<Adapter["fabric"], string>>> = {
  adapter: "segments/N/fabric/serial",
  iscsi: "segments/N/fabric/portals/N",
  qla2xxx: "segments/N/fabric/port",
  sbp: "segments/N/fabric/port",
  srpt: "segments/N/fabric/port",
};

/** A host that was not let in, of each iSCSI target the last one. @param sys /sys */
function refusedInitiators(sys: string): Suggestion[] {
  const targets = join(sys, "kernel/config/target/iscsi");
  return names(targets).flatMap((target) => {
    const statistics = join(targets, target, "fabric_statistics/iscsi_tgt_attr");
    const value = text(join(statistics, "fail_intr_name"));
    if (!value.startsWith("iqn.")) return [];
    const from = text(join(statistics, "fail_intr_addr"));
    return [{ setting: "segments/N/fabric/initiators/N", fabric: "iscsi", value, about: `${target} ← ${from}` }];
  });
}

/** @param sys /sys */
export function suggestions(
  sys: string,
  adapters: readonly Adapter[],
  ethernets: readonly EthernetInterface[],
): Suggestion[] {
  const ports = adapters.flatMap(({ fabric, port, device, link, exports }) => {
    const setting = PORTS[fabric];
    if (setting === undefined || port === null) return [];
    const about = [device, link === "unknown" ? null : link, ...exports.map(({ segment }) => segment)];
    return [{ setting, fabric, value: port, about: about.filter((part) => part !== null).join(", ") }];
  });
  const interfaces = ethernets.flatMap(({ name, address }) =>
    ["lan/interface", "storage/interface"].map((setting) => ({ setting, fabric: null, value: name, about: address })),
  );
  return [...ports, ...refusedInitiators(sys), ...interfaces];
}
