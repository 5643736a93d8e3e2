// SPDX-License-Identifier: Apache-2.0
// What only a checkout of Buildroot or a kernel's source can tell. Both stay as they are: output goes to a folder of ours.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LabError } from "../errors.ts";
import { exec } from "../process.ts";
import { defconfigOf, type Finding, filesBelow, fragmentsOf, linesOf, readDefconfig, stringOf } from "./tree.ts";

const SERIES = "2026.02";

/** Neither a Python nor a compiler of the user's own: Debian's, which have what Buildroot's tools need. */
const ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

export function buildrootVersion(buildroot: string): string {
  const makefile = join(buildroot, "Makefile");
  const text = existsSync(makefile) ? readFileSync(makefile, "utf8") : "";
  const version = /^export BR2_VERSION := (\S+)$/m.exec(text)?.[1];
  if (version !== undefined && (version === SERIES || /^[.-]/.test(version.replace(SERIES, "")))) return version;
  throw new LabError(
    "usage",
    version === undefined ? `${buildroot} is no checkout of Buildroot.` : `${buildroot} is Buildroot ${version}.`,
    `BUILDROOT= must name a checkout of Buildroot ${SERIES}.`,
  );
}

/** Buildroot's own lint. Start scripts of the overlay are not packages' start scripts, which it knows rules for. */
export async function checkPackage(dir: string, buildroot: string): Promise<Finding[]> {
  const files = filesBelow(dir).filter(
    (file) => !/\/rootfs-overlay\//.test(file) && !/^(README\.md|scripts\/)/.test(file),
  );
  const paths = files.map((file) => join(dir, file));
  const { code, stdout, stderr } = await exec(join(buildroot, "utils/check-package"), ["--br2-external", ...paths], {
    env: ENVIRONMENT,
    accept: [1],
  });
  if (code === 0) return [];
  if (/No module named/.test(stderr)) {
    throw new LabError(
      "package-missing",
      stderr.trim(),
      "Install the Debian packages python3-magic and python3-flake8.",
    );
  }
  const lines = `${stdout}\n${stderr}`.split("\n").filter(Boolean);
  const findings = lines.filter((line) => /^\S+:\d+: /.test(line));
  return findings.length > 0 ? findings : lines;
}

/** Symbols that Buildroot drops, and a defconfig that is not what savedefconfig makes of it. */
export async function checkDefconfig(dir: string, buildroot: string, work: string, board: string): Promise<Finding[]> {
  const output = join(work, `buildroot-${board}`);
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const saved = join(output, "saved");
  const make = (...args: string[]): Promise<unknown> =>
    exec("make", ["-s", "-C", buildroot, `O=${output}`, `BR2_EXTERNAL=${dir}`, ...args], { env: ENVIRONMENT });
  await make(defconfigOf(board).replace("configs/", ""));
  await make("olddefconfig");
  await make("savedefconfig", `BR2_DEFCONFIG=${saved}`);
  const file = defconfigOf(board);
  const config = new Set(linesOf(join(output, ".config")));
  const dropped = linesOf(join(dir, file)).filter((line) => line !== "" && !config.has(line) && !isOff(line, config));
  const same = readFileSync(saved, "utf8") === readFileSync(join(dir, file), "utf8");
  return [
    ...dropped.map((line) => `${file}: Buildroot drops ${line}`),
    ...(same ? [] : [`${file} is not what savedefconfig makes of it: ${saved}`]),
  ];
}

/** A symbol that is not visible is off as well. */
function isOff(line: string, config: ReadonlySet<string>): boolean {
  const symbol = /^# (\w+) is not set$/.exec(line)?.[1];
  return symbol !== undefined && ![...config].some((other) => other.startsWith(`${symbol}=`));
}

/** ARCH= and the configuration that a kernel starts from, where the board names none. */
const KERNELS: Readonly<Record<string, { readonly arch: string; readonly config: string }>> = {
  x86_64: { arch: "x86_64", config: "x86_64_defconfig" },
  i386: { arch: "i386", config: "i386_defconfig" },
  aarch64: { arch: "arm64", config: "defconfig" },
};

/**
 * Symbols that a kernel drops. A board whose kernel is another one (a vendor's) is checked with what the two have in common: its
 * own fragment is left out.
 */
export async function checkKernel(dir: string, source: string, work: string, board: string): Promise<Finding[]> {
  const meta = linesOf(join(dir, `board/${board}/meta`)).find((line) => line.startsWith("ARCHITECTURE="));
  const kernel = KERNELS[meta?.split("=")[1] ?? ""];
  if (kernel === undefined)
    throw new LabError("usage", `board/${board}/meta names no known architecture.`, "Correct it.");
  const vendor = stringOf(readDefconfig(dir, board), "BR2_LINUX_KERNEL_DEFCONFIG") !== "";
  const output = join(work, `kernel-${board}`);
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const make = (target: string): Promise<unknown> =>
    exec("make", ["-s", "-C", resolve(source), `O=${output}`, `ARCH=${kernel.arch}`, target], { env: ENVIRONMENT });
  await make(kernel.config);
  const fragments = fragmentsOf(dir, board).filter((file) => !vendor || file.startsWith("board/common/"));
  const texts = fragments.map((file) => readFileSync(join(dir, file), "utf8"));
  const config = join(output, ".config");
  writeFileSync(config, [readFileSync(config, "utf8"), ...texts].join("\n"));
  await make("olddefconfig");
  const paths = fragments.map((file) => join(dir, file));
  const { code, stderr } = await exec(join(dir, "board/common/check-kernel-config"), [config, ...paths], {
    accept: [1],
  });
  if (code === 0) return [];
  return stderr
    .split("\n")
    .filter(Boolean)
    .map((line) => `${board}: ${line.replace(`${dir}/`, "")}`);
}

/** What a kernel's source must have to be configured. */
export function checkSource(source: string): void {
  if (existsSync(join(source, "Kconfig")) && existsSync(join(source, "scripts/kconfig"))) return;
  throw new LabError(
    "usage",
    `${source} is no kernel source.`,
    "KERNEL_SOURCE= must name an unpacked one, for instance of the Debian package linux-source-6.12.",
  );
}
