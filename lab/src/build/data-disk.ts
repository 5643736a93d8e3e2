// SPDX-License-Identifier: Apache-2.0
// The disk with a gateway's data partition: an empty file system with the label that S15data looks for.
import { exec } from "../process.ts";

/** As in buildroot/board/common/rootfs-overlay/etc/init.d/S15data. */
const DATA_LABEL = "scsigate-data";

export async function buildDataDisk(file: string, sizeMiB: number): Promise<void> {
  await exec("mke2fs", ["-q", "-F", "-t", "ext4", "-L", DATA_LABEL, file, `${sizeMiB}M`]);
}
