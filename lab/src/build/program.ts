// SPDX-License-Identifier: Apache-2.0
// Small C programs, compiled on the host once for each state of their source: for the host, or put into the VM that needs them.
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { Vm } from "../vm/vm.ts";
import { hashStrings, hashTree } from "./hash.ts";

/** A library that a program is linked with: flags before its sources, and behind them. */
export interface Library {
  readonly flags: readonly string[];
  readonly link: readonly string[];
}

/**
 * Makes `name` from all C files of `folder` (relative to the repository).
 * @returns its path on the host
 */
export async function compile(
  folder: string,
  name: string,
  library: Library = { flags: [], link: [] },
): Promise<string> {
  const sourceDir = join(repoDir, folder);
  const key = hashStrings([name, hashTree(sourceDir), ...library.flags, ...library.link]);
  const program = join(cacheDir, "programs", key, name);
  if (existsSync(program)) return program;
  const sources = readdirSync(sourceDir).filter((file) => file.endsWith(".c"));
  mkdirSync(dirname(program), { recursive: true });
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread", "-s"];
  const fresh = `${program}.${process.pid}`;
  const files = sources.map((file) => join(sourceDir, file));
  await exec("gcc", [...flags, ...library.flags, "-o", fresh, ...files, ...library.link]);
  renameSync(fresh, program);
  return program;
}

/** Makes `name` from all C files of `folder` (relative to the repository), and installs it as /usr/bin/`name`. */
export async function installProgram(vm: Vm, folder: string, name: string): Promise<void> {
  const path = `/usr/bin/${name}`;
  // Renamed: where one of before still runs, it keeps its own file.
  await vm.putFile(await compile(folder, name), `${path}.new`);
  await vm.ok(`chmod +x ${path}.new && mv ${path}.new ${path}`);
}
