// SPDX-License-Identifier: Apache-2.0
// bench/: the C program that runs in a VM beside iperf3 and ping.
import { installProgram } from "../build/program.ts";
import type { Vm } from "../vm/vm.ts";

export function installTool(vm: Vm): Promise<void> {
  return installProgram(vm, "bench", "bench-tool");
}
