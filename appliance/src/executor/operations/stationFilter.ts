// SPDX-License-Identifier: Apache-2.0
/**
 * Stations that are cut off: dropped by their link-layer address where packets enter and leave the segment's interface, before
 * ARP, bridge and routing see them. What the driver relays between stations does not come that way, so it relays nothing
 * meanwhile: the gateway answers ARP for all stations and forwards between them (RFC 3069), or sends back what a bridge got.
 */
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StationFilterOperation } from "../../protocol/operations.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { setValue, writeIfChanged } from "../files.ts";

export function renderStationFilter({ segment, blocked }: StationFilterOperation): string {
  const table = `table netdev scsigate_${segment}`;
  const begin = [table, `delete ${table}`];
  if (blocked.length === 0) return `${begin.join("\n")}\n`;
  const list = `{ ${blocked.join(", ")} }`;
  return [
    ...begin,
    `${table} {`,
    "  chain ingress {",
    `    type filter hook ingress device "${segment}" priority 0; policy accept;`,
    `    ether saddr ${list} counter drop`,
    "  }",
    "  chain egress {",
    `    type filter hook egress device "${segment}" priority 0; policy accept;`,
    `    ether daddr ${list} counter drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

export const setStationFilter: Handler<StationFilterOperation> = async (operation, context) => {
  const { segment, blocked } = operation;
  if (blocked.length === 0) {
    const was = await clearStationFilter(segment, context);
    if (was) await setRelay(segment, true, context);
    return was;
  }
  // The chains go with their interface: one that was made anew has none, whatever was loaded before.
  const index = (await readFile(join(context.paths.sys, "class/net", segment, "ifindex"), "utf8")).trim();
  const rules = `# interface ${index}\n${renderStationFilter(operation)}`;
  const file = ruleFile(context, segment);
  const loaded = (await readFile(file, "utf8").catch(() => "")) === rules;
  if (!loaded) {
    await load(rules, segment, context);
    await writeIfChanged(file, rules);
  }
  return (await setRelay(segment, false, context)) || !loaded;
};

/** @returns whether there was one */
export async function clearStationFilter(segment: string, context: ExecutorContext): Promise<boolean> {
  const file = ruleFile(context, segment);
  if (!(await exists(file))) return false;
  await load(renderStationFilter({ kind: "stationFilter", segment, blocked: [] }), segment, context);
  await rm(file);
  return true;
}

async function load(rules: string, segment: string, context: ExecutorContext): Promise<void> {
  const pending = `${ruleFile(context, segment)}.pending`;
  await writeIfChanged(pending, rules);
  await context.run("nft", ["-f", pending]);
  await rm(pending);
}

/** @param on whether stations reach each other by the driver's relay; else by the gateway's forwarding */
async function setRelay(segment: string, on: boolean, { paths }: ExecutorContext): Promise<boolean> {
  const device = join(paths.sys, "class/net", segment);
  const settings: [string, boolean][] = [
    [join(paths.proc, "sys/net/ipv4/conf", segment, "proxy_arp_pvlan"), !on],
    [join(device, "brport/hairpin_mode"), !on],
    [join(device, "ipscsi/relay"), on],
  ];
  let changed = false;
  for (const [path, value] of settings) {
    // A port of no bridge has no such setting.
    if ((await exists(path)) && (await setValue(path, value ? "1" : "0"))) changed = true;
  }
  return changed;
}

function ruleFile({ paths }: ExecutorContext, segment: string): string {
  return join(paths.run, "scsigate", `stations-${segment}.nft`);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
