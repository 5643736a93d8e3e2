// SPDX-License-Identifier: Apache-2.0
/**
 * Run inside of a network namespace: carries out what a plan has for a segment with an adapter, with the real `ip`, on the
 * interfaces that are there. The adapter's place on USB is a fixture, /sys/class/net the namespace's own.
 * Arguments: mode, interface that stands in for the adapter's, segment.
 */
import { mkdirSync, symlinkSync } from "node:fs";
import { setAdapter } from "../../src/executor/operations/adapter.ts";
import { setBridge, setBridgePort } from "../../src/executor/operations/bridge.ts";
import { setAddress, setLink, setNoAddress } from "../../src/executor/operations/network.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { testExecutor } from "./executor.ts";
import { plugIn, SERIAL } from "./fakeAdapter.ts";
import { configOf } from "./telemetryRig.ts";

const [mode = "", found = "", segment = ""] = process.argv.slice(2);
const { context: fixture, tree } = testExecutor();
plugIn(tree, { interface: found });
tree.remove("sys/class/net");
mkdirSync(`${tree.root}/sys/class`, { recursive: true });
symlinkSync("/sys/class/net", `${tree.root}/sys/class/net`);
const context = { ...fixture, run: runCommand };

const fabric = { type: "adapter", serial: SERIAL };
const config = configOf({
  ...{ version: 1, mode, lan: { interface: "eth0" } },
  segments: [{ name: segment, ipv4: { address: "10.143.0.1/24" }, fabric }],
});
const ethernets = [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }];
const observed = { ethernets, addresses: new Map(), routes: [], lanSettled: true };
const { plan } = buildPlan(
  config,
  observed,
  createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6)),
  {},
);
const groups = plan.groups.filter(({ name }) => name === segment || name === "lan");
for (const operation of groups.flatMap(({ operations }) => operations)) {
  if (operation.kind === "adapter") await setAdapter(operation, context);
  if (operation.kind === "link") await setLink(operation, context);
  if (operation.kind === "address") await setAddress(operation, context);
  if (operation.kind === "noAddress") await setNoAddress(operation, context);
  if (operation.kind === "bridge") await setBridge(operation, context);
  if (operation.kind === "bridgePort") await setBridgePort(operation, context);
}
tree.dispose();
