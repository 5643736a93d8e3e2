// SPDX-License-Identifier: Apache-2.0
/**
 * LIO through configfs: storage object, iSCSI target, loop target. What exists is taken over. Of ours (what leads to
 * one of our storage objects), what the configuration does not name is removed.
 */
import { basename } from "node:path";
import type { BackstoreOperation, IscsiTargetOperation, LoopTargetOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ConfigFs } from "../configFs.ts";
import type { Handler } from "../context.ts";

/** All segments' storage objects are under one (virtual) host bus adapter. */
const HBA = "core/ipscsi_0";
/** Name of the references to the storage object and to the LUN. */
const REFERENCE = "scsigate";

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
    // Only initiators on the access list, and they may write: a SEND is a write.
    note(await set(fs, `${tpg}/attrib/authentication`, "0"));
    note(await set(fs, `${tpg}/attrib/generate_node_acls`, "0"));
    note(await set(fs, `${tpg}/attrib/demo_mode_write_protect`, "0"));
    note(await fs.make(`${tpg}/lun/lun_0`));
    note(await refer(fs, `${HBA}/${operation.segment}`, `${tpg}/lun/lun_0`));
  });
  for (const initiator of operation.initiators) {
    await step(`access of ${initiator}`, async () => {
      const acl = `${tpg}/acls/${initiator}`;
      note(await fs.make(acl));
      note(await fs.make(`${acl}/lun_0`));
      note(await refer(fs, `${tpg}/lun/lun_0`, `${acl}/lun_0`));
    });
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

async function removeOtherInitiators(fs: ConfigFs, tpg: string, wanted: readonly string[]): Promise<boolean> {
  let changed = false;
  for (const initiator of await fs.list(`${tpg}/acls`)) {
    if (wanted.includes(initiator)) continue;
    const acl = `${tpg}/acls/${initiator}`;
    await step(`removal of ${initiator}`, async () => {
      for (const lun of await fs.list(acl)) {
        if (!lun.startsWith("lun_")) continue;
        if (await fs.exists(`${acl}/${lun}/${REFERENCE}`)) await fs.unlink(`${acl}/${lun}/${REFERENCE}`);
        await fs.remove(`${acl}/${lun}`);
      }
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
  for (const fabric of ["iscsi", "loopback"]) {
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
  if (fabric === "iscsi") {
    await set(fs, `${tpg}/enable`, "0"); // ends its sessions
    await removeOtherInitiators(fs, tpg, []);
    for (const portal of await fs.list(`${tpg}/np`)) await fs.remove(`${tpg}/np/${portal}`);
  } else {
    await fs.write(`${tpg}/nexus`, "NULL\n").catch(() => {}); // there may be none
  }
  await fs.unlink(`${tpg}/lun/lun_0/${REFERENCE}`);
  await fs.remove(`${tpg}/lun/lun_0`);
  await fs.remove(tpg);
  await fs.remove(`${fabric}/${target}`);
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
async function step(what: string, action: () => Promise<unknown>): Promise<void> {
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
