// SPDX-License-Identifier: Apache-2.0
/**
 * LIO through configfs: storage object, iSCSI target, ports of host adapters, loop target. What exists is taken over. Of ours (what leads to
 * one of our storage objects), what the configuration does not name is removed. LUN 0 is the segment, LUN 1 the driver disk.
 */
import { basename, dirname } from "node:path";
import {
  type BackstoreOperation,
  type Chap,
  type IscsiTargetOperation,
  type LoopTargetOperation,
  PORT_FABRICS,
  type PortTargetOperation,
} from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ConfigFs } from "../configFs.ts";
import type { Handler } from "../context.ts";

/** All segments' storage objects are under one (virtual) host bus adapter. */
const HBA = "core/ipscsi_0";
/** Name of the references to the storage object and to the LUN. */
const REFERENCE = "scsigate";
/** The driver disk's storage object. */
export const DRIVER_DISK = "core/fileio_0/scsigate-driver";
/** What every fabric's and host bus adapter's folder has. */
const FABRIC_FILES: readonly string[] = [
  "cpus_allowed_list",
  "discovery_auth",
  "version",
  "lio_version",
  "hba_info",
  "hba_mode",
];
const SEGMENT_LUN = "lun_0";
const DRIVER_LUN = "lun_1";

export const setBackstore: Handler<BackstoreOperation> = async ({ segment }, { targetFs: fs }) => {
  const object = `${HBA}/${segment}`;
  await step(`storage object ${segment}`, async () => {
    if (!(await fs.exists("core"))) {
      throw new ScsigateError(
        "fabric-failed",
        "the kernel has no target core",
        "Load target_core_mod and mount configfs.",
      );
    }
    await fs.make(HBA);
    await fs.make(object);
  });
  if ((await fs.read(`${object}/enable`)) === "1") return false;
  await step(`segment ${segment} as storage object`, async () => {
    await fs.write(`${object}/control`, `segment=${segment}\n`);
    await fs.write(`${object}/enable`, "1\n");
  });
  return true;
};

export const setIscsiTarget: Handler<IscsiTargetOperation> = async (operation, { targetFs: fs }) => {
  const tpg = `iscsi/${operation.target}/tpgt_1`;
  let changed = false;
  const note = (did: boolean) => {
    changed = did || changed;
  };
  await step(`iSCSI target ${operation.target}`, async () => {
    note(await fs.make("iscsi"));
    note(await fs.make(`iscsi/${operation.target}`));
    note(await fs.make(tpg));
    // Passwords first: nobody is to get in without one while they are set.
    if (operation.chap !== undefined) note(await set(fs, `${tpg}/attrib/authentication`, "1"));
    // Only initiators on the access list, and they may write: a SEND is a write.
    note(await set(fs, `${tpg}/attrib/generate_node_acls`, "0"));
    note(await set(fs, `${tpg}/attrib/demo_mode_write_protect`, "0"));
    note(await attachLun(fs, tpg, operation.segment));
  });
  note(await setDriverLun(fs, tpg, operation.driverDisk));
  for (const initiator of operation.initiators) {
    const acl = `${tpg}/acls/${initiator}`;
    note(await admit(fs, tpg, initiator, () => setChap(fs, `${acl}/auth`, operation.chap)));
  }
  if (operation.chap === undefined) {
    await step("login without a password", async () => note(await set(fs, `${tpg}/attrib/authentication`, "0")));
  }
  note(await removeOtherInitiators(fs, tpg, operation.initiators));
  for (const portal of operation.portals) {
    await step(`portal ${portal}`, async () => note(await fs.make(`${tpg}/np/${portal}`)));
  }
  for (const portal of await fs.list(`${tpg}/np`)) {
    if (operation.portals.includes(portal)) continue;
    await step(`removal of portal ${portal}`, () => fs.remove(`${tpg}/np/${portal}`));
    changed = true;
  }
  await step(`enabling ${operation.target}`, async () => note(await set(fs, `${tpg}/enable`, "1")));
  return changed;
};

/** LUN 0 of the target is the segment; of a target that led to another one, all hosts are sent away first. */
async function attachLun(fs: ConfigFs, tpg: string, segment: string): Promise<boolean> {
  const lun = `${tpg}/lun/lun_0`;
  const made = await fs.make(lun);
  const reference = `${lun}/${REFERENCE}`;
  if ((await fs.exists(reference)) && (await fs.referred(reference)) !== segment) {
    await removeOtherInitiators(fs, tpg, []);
    await fs.unlink(reference);
  }
  return (await refer(fs, `${HBA}/${segment}`, lun)) || made;
}

/** LUN 1 of the target is the driver disk, where it is wanted and there. */
async function setDriverLun(fs: ConfigFs, tpg: string, wanted: boolean): Promise<boolean> {
  if (!wanted || !(await fs.exists(`${DRIVER_DISK}/enable`))) return removeDriverLun(fs, tpg);
  if ((await fs.read(`${DRIVER_DISK}/enable`)) !== "1") return false;
  const lun = `${tpg}/lun/${DRIVER_LUN}`;
  let changed = false;
  await step("the driver disk's LUN", async () => {
    changed = await fs.make(lun);
    changed = (await refer(fs, DRIVER_DISK, lun)) || changed;
  });
  return changed;
}

async function removeDriverLun(fs: ConfigFs, tpg: string): Promise<boolean> {
  const lun = `${tpg}/lun/${DRIVER_LUN}`;
  if (!(await fs.exists(`${lun}/${REFERENCE}`))) return false;
  await step("removal of the driver disk's LUN", async () => {
    for (const initiator of await fs.list(`${tpg}/acls`))
      await removeMapping(fs, `${tpg}/acls/${initiator}/${DRIVER_LUN}`);
    await removeMapping(fs, lun);
  });
  return true;
}

/** A LUN of a target, or of one of its initiators, with its reference. */
async function removeMapping(fs: ConfigFs, lun: string): Promise<void> {
  if (!(await fs.exists(lun))) return;
  if (await fs.exists(`${lun}/${REFERENCE}`)) await fs.unlink(`${lun}/${REFERENCE}`);
  await fs.remove(lun);
}

/** Takes the driver disk away from all targets, so that its storage object can go. */
export async function removeDriverLuns(fs: ConfigFs): Promise<boolean> {
  let changed = false;
  for (const fabric of ["iscsi", ...PORT_FABRICS]) {
    for (const target of await fs.list(fabric)) {
      const tpg = `${fabric}/${target}/tpgt_1`;
      if (await fs.exists(`${tpg}/lun/${SEGMENT_LUN}/${REFERENCE}`))
        changed = (await removeDriverLun(fs, tpg)) || changed;
    }
  }
  return changed;
}

/** @param before the LUN is given: what must hold by then */
async function admit(
  fs: ConfigFs,
  tpg: string,
  initiator: string,
  before: () => Promise<boolean> = async () => false,
): Promise<boolean> {
  const acl = `${tpg}/acls/${initiator}`;
  let changed = false;
  await step(`access of ${initiator}`, async () => {
    changed = await fs.make(acl);
    changed = (await before()) || changed;
    for (const lun of [SEGMENT_LUN, DRIVER_LUN]) {
      if (!(await fs.exists(`${tpg}/lun/${lun}/${REFERENCE}`))) continue;
      changed = (await fs.make(`${acl}/${lun}`)) || changed;
      changed = (await refer(fs, `${tpg}/lun/${lun}`, `${acl}/${lun}`)) || changed;
    }
    // Everybody reads it, and what one host wrote there, the next one would run.
    const protect = `${acl}/${DRIVER_LUN}/write_protect`;
    if (await fs.exists(protect)) changed = (await set(fs, protect, "1")) || changed;
  });
  return changed;
}

/** The kernel's word for no name and no password. */
const NO_CHAP = "NULL";

async function setChap(fs: ConfigFs, auth: string, chap: Chap | undefined): Promise<boolean> {
  const values = {
    userid: chap?.user,
    password: chap?.password,
    userid_mutual: chap?.gateway?.user,
    password_mutual: chap?.gateway?.password,
  };
  let changed = false;
  for (const [name, value = NO_CHAP] of Object.entries(values)) {
    const before = await fs.read(`${auth}/${name}`);
    if (before === value || (before === "" && value === NO_CHAP)) continue;
    // Without a line end: the kernel would take it for a part of the password.
    await fs.write(`${auth}/${name}`, value);
    changed = true;
  }
  return changed;
}

export const setPortTarget: Handler<PortTargetOperation> = async (operation, { targetFs: fs }) => {
  const { fabric, port, segment, initiators, open } = operation;
  const tpg = `${fabric}/${port}/tpgt_1`;
  let changed = false;
  const note = (did: boolean) => {
    changed = did || changed;
  };
  await step(`target port ${port}`, async () => {
    note(await fs.make(fabric));
    note(await makePort(fs, fabric, port));
    note(await fs.make(tpg));
    if (fabric === "qla2xxx") {
      note(await set(fs, `${tpg}/attrib/generate_node_acls`, open ? "1" : "0"));
      // Whoever is admitted gets the LUNs, and may write: a SEND is a write. Where there is a disk, only disks are
      // protected (core_tpg_add_node_to_devs in the kernel), so the segment is not.
      note(await set(fs, `${tpg}/attrib/demo_mode_login_only`, open ? "0" : "1"));
      note(await set(fs, `${tpg}/attrib/demo_mode_write_protect`, operation.driverDisk ? "1" : "0"));
    }
    note(await attachLun(fs, tpg, segment));
  });
  note(await setDriverLun(fs, tpg, operation.driverDisk));
  for (const initiator of initiators) note(await admit(fs, tpg, initiator));
  note(await removeOtherInitiators(fs, tpg, initiators));
  await step(`enabling ${port}`, async () => note(await set(fs, `${tpg}/enable`, "1")));
  return changed;
};

async function makePort(fs: ConfigFs, fabric: string, port: string): Promise<boolean> {
  try {
    return await fs.make(`${fabric}/${port}`);
  } catch (error) {
    throw new ScsigateError(
      "adapter-missing",
      `the kernel does not take ${port} as a port of ${fabric}: ${error instanceof Error ? error.message : String(error)}`,
      "`scsigate adapters` lists the ports that there are, and what keeps one from being a target.",
      { cause: error },
    );
  }
}

async function removeOtherInitiators(fs: ConfigFs, tpg: string, wanted: readonly string[]): Promise<boolean> {
  let changed = false;
  for (const initiator of await fs.list(`${tpg}/acls`)) {
    if (wanted.includes(initiator)) continue;
    const acl = `${tpg}/acls/${initiator}`;
    await step(`removal of ${initiator}`, async () => {
      for (const lun of await fs.list(acl)) if (lun.startsWith("lun_")) await removeMapping(fs, `${acl}/${lun}`);
      await fs.remove(acl);
    });
    changed = true;
  }
  return changed;
}

export const setLoopTarget: Handler<LoopTargetOperation> = async (operation, { targetFs: fs }) => {
  const tpg = `loopback/${operation.target}/tpgt_1`;
  let changed = false;
  await step(`loop target of ${operation.segment}`, async () => {
    changed = await fs.make("loopback");
    changed = (await fs.make(`loopback/${operation.target}`)) || changed;
    changed = (await fs.make(tpg)) || changed;
    // Before the LUN: with a nexus, the LUN's reference makes the SCSI device appear.
    const nexus = await fs.read(`${tpg}/nexus`).catch(() => ""); // reading it without one is an error
    if (nexus !== operation.initiator) {
      await fs.write(`${tpg}/nexus`, `${operation.initiator}\n`);
      changed = true;
    }
    changed = (await fs.make(`${tpg}/lun/lun_0`)) || changed;
    changed = (await refer(fs, `${HBA}/${operation.segment}`, `${tpg}/lun/lun_0`)) || changed;
  });
  return changed;
};

/**
 * Removes targets of ours, and storage objects of segments that are to go.
 * @param targets iSCSI names and NAAs that stay
 * @param gone segments that go
 */
export async function pruneTargets(
  targets: readonly string[],
  gone: readonly string[],
  fs: ConfigFs,
): Promise<boolean> {
  let changed = false;
  for (const fabric of ["iscsi", "loopback", ...PORT_FABRICS]) {
    for (const target of await fs.list(fabric)) {
      const tpg = `${fabric}/${target}/tpgt_1`;
      // A target of somebody else has no reference of this name.
      if (targets.includes(target) || !(await fs.exists(`${tpg}/lun/lun_0/${REFERENCE}`))) continue;
      await step(`removal of ${target}`, () => removeTarget(fs, fabric, target));
      changed = true;
    }
  }
  for (const segment of gone) {
    if (!(await fs.exists(`${HBA}/${segment}/enable`))) continue;
    await step(`removal of storage object ${segment}`, () => fs.remove(`${HBA}/${segment}`));
    changed = true;
  }
  return changed;
}

async function removeTarget(fs: ConfigFs, fabric: string, target: string): Promise<void> {
  const tpg = `${fabric}/${target}/tpgt_1`;
  if (fabric === "loopback") {
    await fs.write(`${tpg}/nexus`, "NULL\n").catch(() => {}); // there may be none
  } else {
    await set(fs, `${tpg}/enable`, "0"); // ends its sessions
    await removeOtherInitiators(fs, tpg, []);
    for (const portal of await fs.list(`${tpg}/np`)) await fs.remove(`${tpg}/np/${portal}`);
  }
  for (const lun of [DRIVER_LUN, SEGMENT_LUN]) await removeMapping(fs, `${tpg}/lun/${lun}`);
  await fs.remove(tpg);
  await fs.remove(`${fabric}/${target}`);
}

/** Folders of fabrics and of host bus adapters that nobody has anything in; they keep their modules in use. */
export async function removeEmptyFolders(fs: ConfigFs): Promise<void> {
  const folders = [...["iscsi", "loopback", ...PORT_FABRICS], HBA, dirname(DRIVER_DISK)];
  for (const folder of folders) {
    const used = (await fs.list(folder)).some((name) => !FABRIC_FILES.includes(name));
    if (!used && (await fs.exists(folder))) await step(`removal of ${folder}`, () => fs.remove(folder));
  }
}

/** Writes a setting if it has another value. */
async function set(fs: ConfigFs, path: string, value: string): Promise<boolean> {
  if ((await fs.read(path)) === value) return false;
  await fs.write(path, `${value}\n`);
  return true;
}

/** Makes the folder `from` refer to the object `to`. */
async function refer(fs: ConfigFs, to: string, from: string): Promise<boolean> {
  if (await fs.exists(`${from}/${REFERENCE}`)) return false;
  await fs.link(to, `${from}/${REFERENCE}`);
  return true;
}

/** Says which step it was: the kernel says no more than EINVAL. */
export async function step(what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ScsigateError) throw error;
    const reason = error instanceof Error ? error.message : basename(String(error));
    throw new ScsigateError(
      "fabric-failed",
      `${what}: ${reason}`,
      "`dmesg` on the console says what the kernel objects to.",
      {
        cause: error,
      },
    );
  }
}
