// SPDX-License-Identifier: Apache-2.0
/**
 * The driver disk: a small file system that hosts find as LUN 1 beside the segment, with all that they need to join it. LIO
 * opens a file for writing even when nobody may write to the LUN, and the root file system is read-only, so what is
 * exported is a copy in memory.
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DriverDiskOperation } from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, ExecutorPaths, Handler } from "../context.ts";
import { DRIVER_DISK, removeDriverLuns, step } from "./target.ts";

function copyFile({ run }: ExecutorPaths): string {
  return join(run, "scsigate/driver.img");
}

export const setDriverDisk: Handler<DriverDiskOperation> = async ({ serial }, context) => {
  const { paths, driverDisk, targetFs: fs } = context;
  const image = await readFile(driverDisk).catch((error: unknown) => {
    throw new ScsigateError(
      "driver-disk-missing",
      `the driver disk's image ${driverDisk} cannot be read`,
      "Build it with `make driver-disk`, or set driverDisk of the segments to false.",
      { cause: error },
    );
  });
  const copy = copyFile(paths);
  const present = await readFile(copy).catch(() => undefined);
  const exported = (await fs.exists(`${DRIVER_DISK}/enable`)) && (await fs.read(`${DRIVER_DISK}/enable`)) === "1";
  if (exported && present?.equals(image)) return false;
  // Another version: hosts see the disk go and a new one come, never one that changes under them.
  await removeDriverDisk(context);
  await mkdir(dirname(copy), { recursive: true });
  await writeFile(`${copy}.new`, image, { mode: 0o600 });
  await rename(`${copy}.new`, copy);
  await step("the driver disk", async () => {
    await fs.make(dirname(DRIVER_DISK));
    await fs.make(DRIVER_DISK);
    await fs.write(`${DRIVER_DISK}/control`, `fd_dev_name=${copy},fd_dev_size=${image.length}\n`);
    await fs.write(`${DRIVER_DISK}/enable`, "1\n");
    await fs.write(`${DRIVER_DISK}/wwn/vpd_unit_serial`, `${serial}-driver\n`);
  });
  return true;
};

export async function removeDriverDisk({ paths, targetFs: fs }: ExecutorContext): Promise<boolean> {
  if (!(await fs.exists(DRIVER_DISK))) return false;
  await removeDriverLuns(fs);
  await step("removal of the driver disk", () => fs.remove(DRIVER_DISK));
  await rm(copyFile(paths), { force: true });
  return true;
}
