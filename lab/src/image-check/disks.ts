// SPDX-License-Identifier: Apache-2.0
// board/common/boot/<boot loader>: how the disk of its boards is made. Partitions are as docs/image.md says, and where scsigate-boot
// and the boot loader's own files look for them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { boards, type Finding, linesOf } from "./tree.ts";

const FOLDER = "board/common/boot";
/** What post-image.sh calls. */
const STEPS = ["fill_boot", "fill_kernel", "finish_kernel", "finish_disk"];
const PARTITIONS = ["boot", "kernel-a", "root-a", "kernel-b", "root-b"];
/** Numbers of kernel-a and kernel-b: in grub.cfg; in scsigate-boot. */
const KERNELS: Readonly<Record<string, readonly [number, number]>> = { grub: [2, 4], "rpi-firmware": [2, 3] };

/** Of a board's meta. */
export function metaOf(dir: string, board: string): Map<string, string> {
  const file = join(dir, `board/${board}/meta`);
  if (!existsSync(file)) return new Map();
  return new Map(
    linesOf(file).flatMap((line) => {
      const [, name, value] = /^([A-Z_]+)=(\S*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value ?? ""] as const];
    }),
  );
}

interface Section {
  readonly kind: string;
  readonly name: string;
  readonly settings: ReadonlyMap<string, string>;
}

/** Images and partitions of a genimage configuration, in their order. */
function sections(file: string): Section[] {
  const found: { kind: string; name: string; settings: Map<string, string> }[] = [];
  for (const line of linesOf(file)) {
    const [, kind, name] = /^\s*(image|partition) (\S+) \{/.exec(line) ?? [];
    if (kind !== undefined && name !== undefined) found.push({ kind, name, settings: new Map() });
    const [, key, value] = /^\s*([a-z-]+) = "?([^"]*)"?$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.at(-1)?.settings.set(key, value);
  }
  return found;
}

function checkPartitions(dir: string, loader: string): Finding[] {
  const file = `${FOLDER}/${loader}/genimage.cfg`;
  const all = sections(join(dir, file));
  const partitions = all.filter(({ kind }) => kind === "partition");
  const names = partitions.map(({ name }) => name);
  if ([...names].sort().join() !== [...PARTITIONS].sort().join()) {
    return [`${file}: partitions are ${names.join(" ")}; docs/image.md has ${PARTITIONS.join(" ")}`];
  }
  const sizeOf = (name: string): string | undefined => {
    const partition = partitions.find((other) => other.name === name);
    const image = all.find(({ kind, name }) => kind === "image" && name === partition?.settings.get("image"));
    return partition?.settings.get("size") ?? image?.settings.get("size");
  };
  const numbers = ["kernel-a", "kernel-b"].map((name) => names.indexOf(name) + 1);
  return [
    ...(names[0] === "boot" ? [] : [`${file}: boot is not the first partition`]),
    ...(numbers.join() === KERNELS[loader]?.join()
      ? []
      : [`${file}: kernel-a and kernel-b are ${numbers.join(" and ")}; ${loader} starts others`]),
    ...["kernel", "root"]
      .filter((kind) => sizeOf(`${kind}-a`) !== sizeOf(`${kind}-b`))
      .map((kind) => `${file}: ${kind}-a and ${kind}-b differ in size, so an update fits in one of them only`),
  ];
}

/** The names in a Raspberry Pi's config.txt are those that post-image.sh gives, and its cmdline.txt is one line to be added to. */
function checkSettings(dir: string, board: string): Finding[] {
  const [config, cmdline] = [`board/${board}/config.txt`, `board/${board}/cmdline.txt`];
  const missing = [config, cmdline].filter((file) => !existsSync(join(dir, file)));
  if (missing.length > 0) return missing.map((file) => `${file} is missing`);
  const lines = linesOf(join(dir, config));
  const options = linesOf(join(dir, cmdline));
  return [
    ...["kernel=vmlinuz", "initramfs initrd.img followkernel"]
      .filter((line) => !lines.includes(line))
      .map((line) => `${config} has no line "${line}", which names what is on the kernel partition`),
    ...(options.length === 2 && options[1] === "" ? [] : [`${cmdline} is not one line`]),
    ...(options.some((line) => /\bscsigate\.(slot|verity)=/.test(line))
      ? [`${cmdline} names slot or root hash; the first is told by the boot loader, the second comes from the build`]
      : []),
  ];
}

export function checkDisks(dir: string): Finding[] {
  const loaderOf = new Map(boards(dir).map((board) => [board, metaOf(dir, board).get("BOOT_LOADER") ?? ""]));
  const loaders = [...new Set(loaderOf.values())];
  const folders = readdirSync(join(dir, FOLDER), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [
    ...folders.filter(({ name }) => !loaders.includes(name)).map(({ name }) => `${FOLDER}/${name} is used by no board`),
    ...loaders.flatMap((loader) => {
      const files = ["fill.sh", "genimage.cfg"].map((file) => `${FOLDER}/${loader}/${file}`);
      const missing = files.filter((file) => !existsSync(join(dir, file)));
      if (missing.length > 0) return missing.map((file) => `${file} is missing`);
      const fill = linesOf(join(dir, FOLDER, loader, "fill.sh"));
      return [
        ...STEPS.filter((step) => !fill.includes(`${step}() {`)).map(
          (step) => `${FOLDER}/${loader}/fill.sh has no ${step}, which post-image.sh calls`,
        ),
        ...checkPartitions(dir, loader),
      ];
    }),
    ...[...loaderOf].flatMap(([board, loader]) => (loader === "rpi-firmware" ? checkSettings(dir, board) : [])),
  ];
}
