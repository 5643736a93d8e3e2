// SPDX-License-Identifier: Apache-2.0
// What the checks of the BR2_EXTERNAL tree share: its files, and how a complaint looks.
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Something that is wrong, as a sentence that names the file. */
export type Finding = string;

/** Name of the tree in external.desc. */
export const EXTERNAL = "SCSIGATE";

export interface Config {
  readonly symbol: string;
  /** As written; undefined for "is not set". */
  readonly value: string | undefined;
}

/** Files below a folder, links among them, sorted. */
export function filesBelow(dir: string, prefix = ""): string[] {
  return readdirSync(join(dir, prefix))
    .sort()
    .flatMap((name) => {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      return lstatSync(join(dir, path)).isDirectory() ? filesBelow(dir, path) : [path];
    });
}

export function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n");
}

/** A line of Kconfig's own form: a defconfig's, a fragment's. Undefined when it has another. */
export function parseConfig(line: string, prefix: "BR2" | "CONFIG"): Config | undefined {
  const set = new RegExp(`^(${prefix}_\\w+)=(y|m|-?\\d+|0x[0-9a-f]+|".*")$`).exec(line);
  if (set?.[1] !== undefined) return { symbol: set[1], value: set[2] };
  const off = new RegExp(`^# (${prefix}_\\w+) is not set$`).exec(line);
  return off?.[1] === undefined ? undefined : { symbol: off[1], value: undefined };
}

/** Boards by the names of their defconfigs. */
export function boards(dir: string): string[] {
  return readdirSync(join(dir, "configs"))
    .map((name) => /^scsigate_(\w+)_defconfig$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

export function defconfigOf(board: string): string {
  return `configs/scsigate_${board}_defconfig`;
}

export function readDefconfig(dir: string, board: string): Map<string, string | undefined> {
  const configs = linesOf(join(dir, defconfigOf(board))).map((line) => parseConfig(line, "BR2"));
  return new Map(configs.filter((config) => config !== undefined).map(({ symbol, value }) => [symbol, value]));
}

/** A string value, with the tree's own folder as the files in it are named. */
export function stringOf(defconfig: ReadonlyMap<string, string | undefined>, symbol: string): string {
  const value = defconfig.get(symbol) ?? "";
  return value.replace(/^"|"$/g, "").replaceAll(`$(BR2_EXTERNAL_${EXTERNAL}_PATH)/`, "");
}

/** The fragments of a board's kernel, in their order. */
export function fragmentsOf(dir: string, board: string): string[] {
  const value = stringOf(readDefconfig(dir, board), "BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES");
  return value.split(" ").filter(Boolean);
}
