// SPDX-License-Identifier: Apache-2.0
// Where things are. Everything generated is below build/, which is never committed.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repoDir: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const labDir: string = join(repoDir, "lab");
export const buildDir: string = join(repoDir, "build");
export const cacheDir: string = join(buildDir, "cache");
export const logsDir: string = join(buildDir, "logs");
/** A file for each topology that runs by `make run` or `lab vm`; it says where the sockets are. */
export const runStateDir: string = join(buildDir, "run");
export const boardsDir: string = join(repoDir, "buildroot/board");
export const overlayDir: string = join(boardsDir, "common/rootfs-overlay");
export const labRootfsDir: string = join(labDir, "rootfs");
export const applianceDistDir: string = join(repoDir, "appliance/dist");
export const webDistDir: string = join(repoDir, "web-ui/dist");
export const kernelDir: string = join(repoDir, "kernel");
