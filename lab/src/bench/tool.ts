// SPDX-License-Identifier: Apache-2.0
// bench/: the C program that runs in a VM beside iperf3 and ping.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { hashTree } from "../build/hash.ts";
import { cacheDir, repoDir } from "../paths.ts";
import { exec } from "../process.ts";
import type { Vm } from "../vm/vm.ts";

const sourceDir = join(repoDir, "bench");

async function benchTool(): Promise<string> {
  const program = join(cacheDir, "bench", hashTree(sourceDir), "bench-tool");
  if (existsSync(program)) return program;
  const sources = readdirSync(sourceDir).filter((name) => name.endsWith(".c"));
  mkdirSync(dirname(program), { recursive: true });
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread", "-s"];
  await exec("gcc", [...flags, "-o", `${program}.new`, ...sources.map((name) => join(sourceDir, name))]);
  renameSync(`${program}.new`, program);
  return program;
}

export async function installTool(vm: Vm): Promise<void> {
  const program = readFileSync(await benchTool()).toString("base64");
  await vm.ok("base64 -d >/usr/bin/bench-tool && chmod +x /usr/bin/bench-tool", { input: `${program}\n` });
}
