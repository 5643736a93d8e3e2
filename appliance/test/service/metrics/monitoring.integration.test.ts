// SPDX-License-Identifier: Apache-2.0
// docs/monitoring: the rules by promtool, and every query of rules and dashboard by a Prometheus that reads a real page of metrics.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renderMetrics } from "../../../src/service/metrics/metrics.ts";
import { until } from "../../support/machine.ts";
import { freePort } from "../../support/mosquitto.ts";
import { wholeStatus } from "../../support/telemetryRig.ts";

const FOLDER = join(import.meta.dirname, "../../../../docs/monitoring");
const RULES = join(FOLDER, "alerts.yml");

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}

/** A page with all that can be told: a station that the gateway sends commands to, another gateway, a problem. */
async function page(): Promise<string> {
  const { status, latencyClasses } = await wholeStatus();
  const problem = { code: "lan-no-carrier" as const, message: "no link", nextStep: "Look." };
  const peers = [{ address: "192.0.2.1", reached: false }];
  return renderMetrics(
    {
      ...status,
      segments: status.segments.map((segment) => ({ ...segment, packetsPerCommand: 4 })),
      health: { status: "degraded", reasons: [problem] },
      mesh: { running: true, neighbours: [], routes: [], peers } as unknown as NonNullable<typeof status.mesh>,
    },
    latencyClasses,
    50_000_000,
  );
}

interface Context {
  folder: string;
  gateway: Server;
  prometheus: ChildProcess;
  query: (expression: string) => Promise<unknown[]>;
}

/** A busy machine misses a reading now and then. */
function found(query: Context["query"], expression: string, what: string): Promise<void> {
  return until(`${what}: ${expression}`, async () => (await query(expression)).length > 0);
}

const monitoring = suite<Context>("Prometheus and what it is given");

monitoring.before(async (context) => {
  const text = await page();
  context.gateway = createServer((_, response) => response.setHeader("Content-Type", "text/plain").end(text));
  context.gateway.listen(0, "127.0.0.1");
  await new Promise((resolve) => context.gateway.once("listening", resolve));
  const target = `127.0.0.1:${(context.gateway.address() as AddressInfo).port}`;
  context.folder = mkdtempSync(join(tmpdir(), "scsigate-prometheus-"));
  const config = join(context.folder, "prometheus.yml");
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [${RULES}]
scrape_configs: [{ job_name: scsigate, static_configs: [{ targets: ["${target}"] }] }]
`,
  );
  const listen = `127.0.0.1:${await freePort()}`;
  const options = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${context.folder}/data`,
    `--web.listen-address=${listen}`,
  ];
  context.prometheus = spawn("prometheus", options, { stdio: "ignore" });
  context.query = async (expression) => {
    const answer = await fetch(`http://${listen}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } };
    assert.is(body.status, "success", `${expression}: ${body.error}`);
    return body.data?.result ?? [];
  };
  await until(
    "Prometheus to have read the page twice",
    async () => (await context.query("count_over_time(scsigate_info[5m]) > 1").catch(() => [])).length > 0,
  );
});

monitoring.after(async ({ prometheus, gateway, folder }) => {
  const ended = new Promise((resolve) => prometheus.once("exit", resolve));
  prometheus.kill("SIGKILL");
  await ended;
  gateway.closeAllConnections();
  await new Promise((resolve) => gateway.close(resolve));
  rmSync(folder, { recursive: true });
});

monitoring("the rules are in order, and each alert comes when it should", () => {
  execFileSync("promtool", ["check", "rules", RULES]);
  execFileSync("promtool", ["test", "rules", "alerts.test.yml"], { cwd: FOLDER });
});

monitoring("the dashboard's queries find what the page of metrics has", async ({ query }) => {
  const dashboard = JSON.parse(readFileSync(join(FOLDER, "dashboard.json"), "utf8")) as Dashboard;
  assert.ok(dashboard.panels.length > 10);
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      const filled = expr.replaceAll(/\$(instance|segment)/g, ".*").replaceAll("$__rate_interval", "1m");
      // Of a page that stays as it is, nothing is lost meanwhile.
      await found(query, filled.replace(/ > 0$/, ""), title);
    }
  }
});

monitoring("what the rules look at is on the page", async ({ query }) => {
  const names = new Set(readFileSync(RULES, "utf8").match(/\bscsigate_[a-z_]+/g));
  assert.ok(names.size > 10);
  for (const name of names) await found(query, name, name);
});

monitoring.run();
