// SPDX-License-Identifier: Apache-2.0
/** How a segment is exported to hosts: the target of its fabric, and the disk with the driver. */
import type { ChapConfig, Config, FabricConfig, IscsiFabric, SegmentConfig } from "../config/types.ts";
import type { Chap, ModuleName, Operation, PlanGroup } from "../protocol/operations.ts";
import { type Identity, loopName } from "../shared/identity.ts";
import { isShutOut } from "./initiators.ts";

/** A fabric's target as configfs names it; none for none. */
export function targetName(segment: string, fabric: FabricConfig, identity: Identity): string[] {
  switch (fabric.type) {
    case "adapter":
    case "none":
      return [];
    case "iscsi":
      return [fabric.target];
    case "loop":
      return [loopName(identity, segment, "target")];
    case "qla2xxx":
    case "sbp":
    case "srpt":
      return [fabric.port];
  }
}

const FABRIC_MODULES = {
  iscsi: "iscsi_target_mod",
  loop: "tcm_loop",
  qla2xxx: "tcm_qla2xxx",
  sbp: "sbp_target",
  srpt: "ib_srpt",
} as const satisfies Record<string, ModuleName>;

const TARGET_CORE: readonly Operation[] = [
  { kind: "modules", names: ["configfs", "target_core_mod"] },
  { kind: "configfs" },
];

export function fabricOperations(segment: SegmentConfig, identity: Identity, chap: ChapConfig): Operation[] {
  const { name, fabric } = segment;
  if (fabric.type === "none" || fabric.type === "adapter") return [];
  const admits = (initiators: readonly string[]) => initiators.filter((initiator) => !isShutOut(segment, initiator));
  return [
    ...TARGET_CORE,
    { kind: "modules", names: ["ipscsi_target", FABRIC_MODULES[fabric.type]] },
    { kind: "backstore", segment: name },
    targetOperation(name, fabric, identity, chap, hasDriverDisk(segment), admits),
  ];
}

/** Fabrics on which the kernel can keep a disk from being written to, and on which there are other hosts than this one. */
const DISK_FABRICS: readonly string[] = ["iscsi", "qla2xxx", "srpt"];

function hasDriverDisk({ fabric, driverDisk }: SegmentConfig): boolean {
  return driverDisk && DISK_FABRICS.includes(fabric.type);
}

export function offersDriverDisk({ segments }: Config): boolean {
  return segments.some(hasDriverDisk);
}

/** In a group of its own: when it fails, segments are exported all the same. */
export function driverDiskGroup(identity: Identity): PlanGroup {
  const modules: Operation = { kind: "modules", names: ["target_core_file"] };
  return { name: "driver-disk", operations: [...TARGET_CORE, modules, { kind: "driverDisk", serial: identity.id }] };
}

function targetOperation(
  segment: string,
  fabric: Exclude<FabricConfig, { type: "none" | "adapter" }>,
  identity: Identity,
  chap: ChapConfig,
  driverDisk: boolean,
  admits: (initiators: readonly string[]) => string[],
): Operation {
  switch (fabric.type) {
    case "iscsi": {
      const { target, portals, initiators, authentication } = fabric;
      const account = chapAccount(authentication, chap);
      const proof = account === undefined ? {} : { chap: account };
      return { kind: "iscsiTarget", segment, target, portals, initiators: admits(initiators), ...proof, driverDisk };
    }
    case "loop": {
      const target = loopName(identity, segment, "target");
      return { kind: "loopTarget", segment, target, initiator: loopName(identity, segment, "initiator") };
    }
    case "qla2xxx":
    case "srpt": {
      const { type, port, initiators, open } = fabric;
      return { kind: "portTarget", fabric: type, segment, port, initiators: admits(initiators), open, driverDisk };
    }
    case "sbp":
      return {
        ...{ kind: "portTarget", fabric: "sbp", segment, port: fabric.port, initiators: [], open: fabric.open },
        driverDisk: false,
      };
  }
}

/** Validation saw to it that what is asked for is there. */
function chapAccount(authentication: IscsiFabric["authentication"], chap: ChapConfig): Chap | undefined {
  const { user, password, gatewayUser, gatewayPassword } = chap;
  if (authentication === "none" || user === undefined || password === undefined) return undefined;
  if (authentication === "chap" || gatewayUser === undefined || gatewayPassword === undefined) {
    return { user, password };
  }
  return { user, password, gateway: { user: gatewayUser, password: gatewayPassword } };
}
