// SPDX-License-Identifier: Apache-2.0
// Small C programs, compiled on the host once for each state of their source: for the host, or put into the VM that needs them.
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { Vm } from "../vm/vm.ts";
import { hashStrings, hashTree } from "./hash.ts";

/** A library that a program is linked with. */
export interface Library {
  /** Folder of `folder` with the C files that use it. */
  readonly part: string;
  /** Flags before the sources, and behind them. */
  readonly flags: readonly string[];
  readonly link: readonly string[];
  /** It is there as a shared library only. */
  readonly shared?: boolean;
}

/**
 * Makes `name` from all C files of `folder` (relative to the repository).
 * @returns its path on the host
 */
export async function compile(folder: string, name: string, library?: Library): Promise<string> {
  const sourceDir = join(repoDir, folder);
  const key = hashStrings([name, hashTree(sourceDir), JSON.stringify(library ?? {})]);
  const program = join(cacheDir, "programs", key, name);
  if (existsSync(program)) return program;
  mkdirSync(dirname(program), { recursive: true });
  const { part, flags = [], link = [], shared = false } = library ?? {};
  const folders = part === undefined ? [sourceDir] : [sourceDir, join(sourceDir, part)];
  const files = folders.flatMap((from) => readdirSync(from).map((file) => join(from, file)));
  const args = ["-O2", "-Wall", "-Wextra", "-Werror", ...(shared ? [] : ["-static"]), "-pthread", "-s"];
  const fresh = `${program}.${process.pid}`;
  const sources = files.filter((file) => file.endsWith(".c"));
  await exec("gcc", [...args, "-I", sourceDir, ...flags, "-o", fresh, ...sources, ...link]);
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
