// SPDX-License-Identifier: Apache-2.0
// `make image-check`: is the BR2_EXTERNAL tree whole? Without Buildroot in a second; with BUILDROOT= and KERNEL_SOURCE= also what
// only these can tell. The last line counts the checks.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { kernelPair } from "../build/kernel-pair.ts";
import { LabError, messageOf } from "../errors.ts";
import { buildDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import { formatTally, type Tally } from "../tally.ts";
import { checkBoards, checkDefconfigs } from "./boards.ts";
import { buildrootVersion, checkDefconfig, checkKernel, checkPackage, checkSource } from "./buildroot.ts";
import { checkDisks } from "./disks.ts";
import { checkFragments, symbolsOf } from "./fragments.ts";
import { checkPackages } from "./packages.ts";
import { checkAccounts, checkPaths } from "./paths.ts";
import { checkPrograms } from "./programs.ts";
import { boards, type Finding, filesBelow, linesOf } from "./tree.ts";

/** Kernel series of the boards; Debian's configuration of the same is on every machine that builds the lab. */
const KERNEL_SERIES = "6.12";

const SUPERVISOR = join(repoDir, "appliance/src");

interface Check {
  readonly name: string;
  readonly run: () => Finding[] | Promise<Finding[]>;
  /** Why it is not run. */
  readonly skipped?: string;
}

export async function debianSymbols(): Promise<Set<string>> {
  const { headers } = await kernelPair(KERNEL_SERIES);
  return symbolsOf(linesOf(join(headers, ".config")));
}

/** Checks that need the tree alone. */
export function treeChecks(dir: string, known: () => Promise<ReadonlySet<string>>): Check[] {
  return [
    { name: "every file that the tree names is there", run: () => checkPaths(dir) },
    { name: "users, groups and passwords of the root belong together", run: () => checkAccounts(dir) },
    { name: "boards are complete", run: () => checkBoards(dir) },
    { name: "disks have the partitions that start and updates look for", run: () => checkDisks(dir) },
    { name: "defconfigs have the form and the order that savedefconfig gives", run: () => checkDefconfigs(dir) },
    { name: "packages have the names that Buildroot looks for", run: () => checkPackages(dir) },
    { name: "every program that the supervisor runs is in the image", run: () => checkPrograms(dir, SUPERVISOR) },
    { name: "the kernel has every symbol of the fragments", run: async () => checkFragments(dir, await known()) },
  ];
}

async function shellcheck(dir: string): Promise<Finding[]> {
  const scripts = filesBelow(dir)
    .map((file) => join(dir, file))
    .filter((file) => existsSync(file) && /^#!\/bin\/(ba)?sh/.test(linesOf(file)[0] ?? ""));
  const { code, stdout } = await exec("shellcheck", ["-f", "gcc", ...scripts], { accept: [1] });
  return code === 0 ? [] : stdout.split("\n").filter(Boolean);
}

function externalChecks(dir: string): Check[] {
  const work = join(buildDir, "image-check");
  const [buildroot, source] = [process.env["BUILDROOT"] ?? "", process.env["KERNEL_SOURCE"] ?? ""];
  const withBuildroot = (name: string, run: () => Promise<Finding[]>): Check =>
    buildroot === "" ? { name, run, skipped: "BUILDROOT= names no checkout of Buildroot" } : { name, run };
  const withSource = (name: string, run: () => Promise<Finding[]>): Check =>
    source === "" ? { name, run, skipped: "KERNEL_SOURCE= names no kernel source" } : { name, run };
  if (buildroot !== "") buildrootVersion(buildroot);
  if (source !== "") checkSource(source);
  return [
    withBuildroot("Buildroot's check-package has nothing to say", () => checkPackage(dir, buildroot)),
    ...boards(dir).flatMap((board) => [
      withBuildroot(`${board}: Buildroot keeps every symbol, and savedefconfig gives the defconfig back`, () =>
        checkDefconfig(dir, buildroot, work, board),
      ),
      withSource(`${board}: the kernel keeps every symbol of the fragments`, () =>
        checkKernel(dir, source, work, board),
      ),
    ]),
  ];
}

async function main(): Promise<number> {
  const dir = join(repoDir, "buildroot");
  const checks: readonly Check[] = [
    ...treeChecks(dir, debianSymbols),
    { name: "shellcheck has nothing to say", run: () => shellcheck(dir) },
    ...externalChecks(dir),
  ];
  let tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run, skipped } of checks) {
    if (skipped !== undefined) {
      console.log(`skip   ${name}: ${skipped}`);
      tally = { ...tally, skipped: tally.skipped + 1 };
      continue;
    }
    const findings = await run();
    console.log(`${findings.length === 0 ? "ok    " : "FAILED"} ${name}`);
    for (const finding of findings) console.log(`         ${finding}`);
    tally = findings.length === 0 ? { ...tally, passed: tally.passed + 1 } : { ...tally, failed: tally.failed + 1 };
  }
  console.log(formatTally(tally));
  return tally.failed === 0 ? 0 : 1;
}

if (import.meta.filename === process.argv[1]) {
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof LabError ? `\n${error.message}` : messageOf(error));
      process.exit(1);
    },
  );
}
