// SPDX-License-Identifier: Apache-2.0
/**
 * Carries out one mDNS operation on the machine, or namespace, that it runs in, as the executor would.
 *   node --import tsx mdnsGateway.ts OPERATION [CHANGE...]    both JSON; prints "changed" or "as it was"
 */
import { setMdns } from "../../src/executor/operations/mdns.ts";
import { systemProcesses } from "../../src/executor/processes.ts";
import type { MdnsOperation } from "../../src/protocol/operations.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { PATHS, testExecutor } from "./executor.ts";

const [operation = "{}", change = "{}"] = process.argv.slice(2);
const wanted = { ...JSON.parse(operation), ...JSON.parse(change) } as MdnsOperation;
const { context, tree } = testExecutor();
const here = { ...context, paths: PATHS, processes: systemProcesses("/proc"), run: runCommand };
console.log((await setMdns(wanted, here)) ? "changed" : "as it was");
tree.dispose();
