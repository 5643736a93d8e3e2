// SPDX-License-Identifier: Apache-2.0
// Which QEMU runs the VMs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../errors.ts";
import { exec } from "../process.ts";
import { choices } from "./choices.ts";
import { unpackedBackports } from "./debs.ts";

export interface Emulator {
  readonly program: string;
  /** Its first arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const PROGRAM = "qemu-system-x86_64";
const PACKAGES = ["qemu-system-x86", "qemu-system-common", "qemu-system-data", "qemu-block-extra"];

/** From here on, a boot takes a quarter less processor time than with 7.2 of Debian 12. */
const FAST = 10;

/** For example "10.0.2"; asks the program itself, so it runs. */
export async function qemuVersion({ program }: Pick<Emulator, "program">): Promise<string> {
  const { stdout } = await exec(program, ["--version"]);
  return /version ([0-9.]+)/.exec(stdout)?.[1] ?? "?";
}

function inTree(tree: string): string {
  return join(tree, "usr/bin", PROGRAM);
}

/** Debian's backport of a newer one, beside this machine's own, whose libraries and firmware it uses. */
async function backported(): Promise<string> {
  const tree = await unpackedBackports(PACKAGES);
  await qemuVersion({ program: inTree(tree) });
  return tree;
}

/** Folder of the backport, or "": this machine's own. */
async function decide(): Promise<string> {
  const own = await qemuVersion({ program: PROGRAM });
  if (Number.parseInt(own, 10) >= FAST) return "";
  return backported().catch((error: unknown) => {
    const [reason] = reasonOf(error).split("\n");
    console.error(`The VMs run in this machine's QEMU ${own}, not in Debian's faster backport: ${reason}.`);
    return "";
  });
}

/** The one of this run. */
export async function emulator(): Promise<Emulator> {
  const tree = await choices().answer<string>({
    what: "QEMU",
    key: ["qemu"],
    decide,
    usable: (folder) => folder === "" || existsSync(inTree(folder)),
  });
  if (tree === "") return { program: PROGRAM, args: [], env: {} };
  // It looks where it would be installed, where another version is. Firmware is in packages of its own, which are.
  const data = [join(tree, "usr/share/qemu"), "/usr/share/seabios", "/usr/lib/ipxe/qemu"];
  const args = data.flatMap((folder) => ["-L", folder]);
  return { program: inTree(tree), args, env: { QEMU_MODULE_DIR: join(tree, "usr/lib/x86_64-linux-gnu/qemu") } };
}
