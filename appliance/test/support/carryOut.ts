// SPDX-License-Identifier: Apache-2.0
/**
 * Carries out one operation on the machine, or namespace, that it runs in, as the executor would.
 *   node --import tsx carryOut.ts OPERATION [CHANGE...]    both JSON; prints "changed" or "as it was"
 */
import { setLldp } from "../../src/executor/operations/lldp.ts";
import { setMdns } from "../../src/executor/operations/mdns.ts";
import { setSnmp } from "../../src/executor/operations/snmp.ts";
import { systemProcesses } from "../../src/executor/processes.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { PATHS, testExecutor } from "./executor.ts";

const [operation = "{}", change = "{}"] = process.argv.slice(2);
const wanted = { ...JSON.parse(operation), ...JSON.parse(change) } as Operation;
const { context, tree } = testExecutor();
const here = { ...context, paths: PATHS, processes: systemProcesses("/proc"), run: runCommand };

function carryOut(): Promise<boolean> {
  switch (wanted.kind) {
    case "lldp":
      return setLldp(wanted, here);
    case "mdns":
      return setMdns(wanted, here);
    case "snmp":
      return setSnmp(wanted, here);
    default:
      throw new Error(`no test carries out ${wanted.kind}`);
  }
}

console.log((await carryOut()) ? "changed" : "as it was");
tree.dispose();
