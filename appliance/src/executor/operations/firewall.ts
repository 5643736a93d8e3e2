// SPDX-License-Identifier: Apache-2.0
/** The nftables table "scsigate", replaced as a whole in one transaction. */
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { FirewallOperation } from "../../protocol/operations.ts";
import type { Handler } from "../context.ts";
import { writeIfChanged } from "../files.ts";

/** Accepts everything. What may reach management and what stations may send as come with the firewall's settings. */
export function renderFirewall(): string {
  return [
    "table inet scsigate",
    "delete table inet scsigate",
    "table inet scsigate {",
    "  chain input {",
    "    type filter hook input priority filter; policy accept;",
    "  }",
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    "  }",
    "}",
    "",
  ].join("\n");
}

export const setFirewall: Handler<FirewallOperation> = async (_, context) => {
  const rules = renderFirewall();
  // /run lives as long as the kernel's tables do: what was loaded since boot is loaded still.
  const loaded = join(context.paths.run, "scsigate/firewall.nft");
  if ((await readFile(loaded, "utf8").catch(() => "")) === rules) return false;
  const pending = `${loaded}.pending`;
  await writeIfChanged(pending, rules);
  await context.run("nft", ["-f", pending]);
  await rename(pending, loaded);
  return true;
};
