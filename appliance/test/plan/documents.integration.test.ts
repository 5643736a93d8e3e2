// SPDX-License-Identifier: Apache-2.0
// Whatever the configuration's validation lets through, the executor takes, and the programs that it writes files for.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import { renderBird } from "../../src/executor/operations/mesh.ts";
import { renderStationFilter } from "../../src/executor/operations/stationFilter.ts";
import { buildPlan } from "../../src/plan/buildPlan.ts";
import type { Observed } from "../../src/plan/observed.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { documents } from "../support/documents.ts";
import { PATHS } from "../support/executor.ts";
import { loadable } from "../support/firewall.ts";
import { hasNamespaces } from "../support/namespaces.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const TARGET = "iqn.2026-11.org.scsigate:seg0";
const BASES = [
  { version: 1 },
  { version: 1, mode: "nat" },
  { version: 1, mode: "bridge" },
  { version: 1, mode: "mesh", mesh: { key: "a-key-that-all-gateways-know" } },
  { version: 1, mode: "proxy", segments: [{ name: "seg0", ipv4: { address: "10.0.2.129/28" } }] },
  {
    version: 1,
    storage: { interface: "eth1", ipv4: { method: "static", address: "192.168.9.1/24" } },
    segments: [
      { name: "seg0", ipv6: { enabled: true }, fabric: { type: "iscsi", target: TARGET, initiators: [TARGET] } },
    ],
  },
];

const observed: Observed = {
  ethernets: [
    { name: "eth0", index: 2, address: "52:54:00:00:00:01" },
    { name: "eth1", index: 3, address: "52:54:00:00:00:02" },
  ],
  addresses: new Map([
    [
      "eth0",
      [
        { family: "inet", cidr: "10.0.2.20/24", scope: "global" },
        { family: "inet6", cidr: "fd77::20/64", scope: "global" },
      ],
    ],
  ]),
  routes: [{ destination: "10.0.2.0/24", interface: "eth0" }],
  lanSettled: true,
};

/** What a program says of what is written for it; empty: nothing. */
function objections(folder: string, operation: Operation): string {
  const file = join(folder, "file.conf");
  const ask = (text: string, program: string, ...args: string[]) => {
    writeFileSync(file, text);
    const { status, stderr, error } = spawnSync(program, [...args, file], { encoding: "utf8" });
    return status === 0 ? "" : `${program}: ${error?.message ?? stderr}\n${text}`;
  };
  const paths = { ...PATHS, run: folder, data: folder };
  switch (operation.kind) {
    case "dnsmasq":
      return ask(renderDnsmasq(operation, paths), "dnsmasq", "--test", "-C");
    case "mesh":
      return ask(renderBird(operation, paths), "bird", "-p", "-c");
    case "firewall":
      return ask(loadable(renderFirewall(operation)), "unshare", "-rn", "nft", "-c", "-f");
    case "stationFilter":
      return operation.blocked.length === 0
        ? ""
        : ask(renderStationFilter(operation), "unshare", "-rn", "nft", "-c", "-f");
    default:
      return "";
  }
}

/** Plans of documents that validate, with the documents that they are of. */
function plans(runs: number): { document: object; operations: Operation[] }[] {
  const found: { document: object; operations: Operation[] }[] = [];
  for (const document of fc.sample(fc.oneof(...BASES.map(documents)), runs)) {
    const result = validate(structuredClone(document));
    if (!result.valid) continue;
    const { plan } = buildPlan(result.config, observed, identity, {});
    assert.ok(
      validateRequest({ type: "apply", id: 1, plan }),
      `${JSON.stringify(validateRequest.errors)}\n${JSON.stringify(document)}`,
    );
    found.push({ document, operations: plan.groups.flatMap((group) => group.operations) });
  }
  return found;
}

const whole = suite("documents of every form");

whole("what validates, the executor accepts as a plan", () => {
  assert.ok(plans(1500).length > 150);
});

(hasNamespaces ? whole : whole.skip)("and dnsmasq, BIRD and nftables take what is written for them", () => {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-documents-"));
  try {
    let asked = 0;
    for (const { document, operations } of plans(200)) {
      for (const operation of operations) {
        const said = objections(folder, operation);
        assert.is(said, "", JSON.stringify(document));
        asked += 1;
      }
    }
    assert.ok(asked > 150, String(asked));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

whole.run();
