// SPDX-License-Identifier: Apache-2.0
// Boards and their defconfigs: complete, and as Buildroot itself would write them, as far as that can be told without it.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { metaOf } from "./disks.ts";
import { boards, defconfigOf, type Finding, linesOf, parseConfig, readDefconfig, stringOf } from "./tree.ts";

const META = ["BOARD_ID", "COMPATIBLE", "ARCHITECTURE", "BOOT_LOADER", "KERNEL"] as const;

/** Architecture of a defconfig, which leaves out what is Buildroot's default. */
function architecture(config: ReadonlyMap<string, string | undefined>): string {
  return config.has("BR2_x86_64") ? "x86_64" : config.has("BR2_aarch64") ? "aarch64" : "i386";
}

function checkMeta(dir: string, board: string): Finding[] {
  const file = `board/${board}/meta`;
  if (!existsSync(join(dir, file))) return [`${file} is missing`];
  const meta = metaOf(dir, board);
  const config = readDefconfig(dir, board);
  const expected: readonly (readonly [string, string])[] = [
    ["BOARD_ID", board],
    ["COMPATIBLE", `scsigate-${board}`],
    ["ARCHITECTURE", architecture(config)],
    ["BOOT_LOADER", config.has("BR2_TARGET_GRUB2") ? "grub" : "rpi-firmware"],
    // Buildroot's default for the architecture
    ["KERNEL", config.has("BR2_aarch64") ? "Image" : "bzImage"],
  ];
  return [
    ...META.filter((name) => !meta.has(name)).map((name) => `${file} has no ${name}`),
    ...expected
      .filter(([name, value]) => meta.has(name) && meta.get(name) !== value)
      .map(([name, value]) => `${file}: ${name} is ${meta.get(name)}, and ${defconfigOf(board)} makes it ${value}`),
  ];
}

/** GRUB's modules are named once more, for Buildroot; GRUB's folder has the source. */
function checkGrub(dir: string, board: string): Finding[] {
  const config = readDefconfig(dir, board);
  if (!config.has("BR2_TARGET_GRUB2")) return [];
  const file = "board/common/boot/grub/grub-modules";
  if (!existsSync(join(dir, file))) return [`${file} is missing`];
  const words = (name: string): string[] =>
    linesOf(join(dir, file))
      .filter((line) => line.startsWith(`${name}:`))
      .flatMap((line) => line.slice(name.length + 1).split(" "))
      .filter(Boolean);
  return (
    [
      ["bios", "BR2_TARGET_GRUB2_BUILTIN_MODULES_PC"],
      ["uefi", "BR2_TARGET_GRUB2_BUILTIN_MODULES_EFI"],
    ] as const
  )
    .filter(([, symbol]) => config.has(symbol))
    .filter(([firmware, symbol]) => stringOf(config, symbol) !== [...words("all"), ...words(firmware)].join(" "))
    .map(([, symbol]) => `${defconfigOf(board)}: ${symbol} is not what ${file} says`);
}

function checkForm(dir: string, board: string): Finding[] {
  const file = defconfigOf(board);
  const lines = linesOf(join(dir, file));
  if (lines.at(-1) !== "") return [`${file} does not end with a newline`];
  const seen = new Set<string>();
  return lines.slice(0, -1).flatMap((line, index) => {
    const config = parseConfig(line, "BR2");
    if (config === undefined) return [`${file}:${index + 1}: savedefconfig would not write "${line}"`];
    if (seen.has(config.symbol)) return [`${file}:${index + 1}: ${config.symbol} is there twice`];
    seen.add(config.symbol);
    return [];
  });
}

/**
 * A defconfig is in the order of Buildroot's Config.in files, which only Buildroot knows; but then the symbols that two boards
 * have in common are in the same order in both.
 */
function checkOrder(dir: string, left: string, right: string): Finding[] {
  const common = (board: string, other: string): string[] => {
    const others = readDefconfig(dir, other);
    return [...readDefconfig(dir, board).keys()].filter((symbol) => others.has(symbol));
  };
  const [a, b] = [common(left, right), common(right, left)];
  const at = a.findIndex((symbol, index) => symbol !== b[index]);
  if (at < 0) return [];
  return [
    `${defconfigOf(left)} and ${defconfigOf(right)} are sorted differently, from ${a[at]} and ${b[at]} on: ` +
      "one of them is not as savedefconfig writes it",
  ];
}

/** What every board's image has; a board without it is no gateway. */
const NEEDED = ["BR2_PACKAGE_IPSCSI", "BR2_PACKAGE_SCSIGATE", "BR2_PACKAGE_RAUC_DBUS", "BR2_TARGET_ROOTFS_SQUASHFS"];

export function checkBoards(dir: string): Finding[] {
  const names = boards(dir);
  const folders = readdirSync(join(dir, "board")).filter((name) => name !== "common");
  return [
    ...readdirSync(join(dir, "configs"))
      .filter((file) => !names.some((board) => defconfigOf(board) === `configs/${file}`))
      .map((file) => `configs/${file} is no defconfig of a board (scsigate_<board>_defconfig)`),
    ...folders.filter((name) => !names.includes(name)).map((name) => `board/${name} has no ${defconfigOf(name)}`),
    ...names.flatMap((board) => [
      ...(existsSync(join(dir, `board/${board}/readme.txt`)) ? [] : [`board/${board}/readme.txt is missing`]),
      ...checkMeta(dir, board),
      ...checkGrub(dir, board),
      ...NEEDED.filter((symbol) => !readDefconfig(dir, board).has(symbol)).map(
        (symbol) => `${defconfigOf(board)} has no ${symbol}`,
      ),
    ]),
  ];
}

export function checkDefconfigs(dir: string): Finding[] {
  const names = boards(dir);
  return [
    ...names.flatMap((board) => checkForm(dir, board)),
    ...names.slice(1).flatMap((board, index) => checkOrder(dir, names[index] ?? board, board)),
  ];
}
