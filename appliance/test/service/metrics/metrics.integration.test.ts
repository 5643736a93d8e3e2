// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Exposition } from "../../../src/service/metrics/exposition.ts";
import { renderMetrics } from "../../../src/service/metrics/metrics.ts";
import { STATION_A } from "../../support/machine.ts";
import { wholeStatus } from "../../support/telemetryRig.ts";

const metrics = suite<{ text: string }>("metrics for Prometheus");
metrics.before(async (context) => {
  const { status, latencyClasses } = await wholeStatus();
  const problem = { code: "lan-no-carrier" as const, message: "no link", nextStep: "Look." };
  const degraded = { ...status, health: { status: "degraded" as const, reasons: [problem] } };
  context.text = renderMetrics(degraded, latencyClasses, 50_000_000);
});

function value(text: string, series: string): string | undefined {
  return text
    .split("\n")
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);
}

metrics("the kernel's figures, by segment and station", ({ text }) => {
  assert.is(value(text, 'scsigate_segment_receive_bytes_total{segment="seg0"}'), "5000000");
  assert.is(value(text, `scsigate_peer_receive_packets_total{segment="seg0",peer="${STATION_A}"}`), "7000");
  assert.is(value(text, 'scsigate_link_transmit_bytes_total{interface="eth0",side="lan"}'), "2000");
  assert.is(value(text, 'scsigate_segment_reasons_total{segment="seg0",reason="timeout"}'), "1");
  assert.is(value(text, 'scsigate_temperature_celsius{sensor="cpu-thermal"}'), "48.3");
  assert.is(value(text, 'scsigate_problem{code="lan-no-carrier"}'), "1");
  assert.is(value(text, "scsigate_healthy"), "0");
});

metrics("latency as a histogram with cumulative buckets in seconds", ({ text }) => {
  const labels = `segment="seg0",peer="${STATION_A}"`;
  const bucket = (le: string) => value(text, `scsigate_peer_send_duration_seconds_bucket{${labels},le="${le}"}`);
  assert.equal(["0.001024", "0.008192", "+Inf"].map(bucket), ["90", "100", "100"]);
  assert.is(value(text, `scsigate_peer_send_duration_seconds_count{${labels}}`), "100");
});

metrics("every family once, with HELP and TYPE before its lines", ({ text }) => {
  const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => match[1]);
  assert.is(new Set(families).size, families.length);
  let current = "";
  for (const line of text.trimEnd().split("\n")) {
    const header = /^# (HELP|TYPE) (\S+)/.exec(line);
    if (header) current = header[2] ?? "";
    else assert.ok(line.startsWith(current), line);
  }
});

const promtool = spawnSync("promtool", ["--version"], { stdio: "ignore" }).error === undefined;
(promtool ? metrics : metrics.skip)("promtool check metrics has nothing to say", ({ text }) => {
  const result = spawnSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
  assert.is(`${result.stdout}${result.stderr}`, "");
  assert.is(result.status, 0);
});

metrics("property: label values survive, whatever is in them", () => {
  const plain = (text: string) => text.replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const out = new Exposition();
      out.gauge("g", "help", 1, { name });
      const line = out.toString().split("\n")[2] ?? "";
      assert.is(plain(/^g\{name="(.*)"\} 1$/su.exec(line)?.[1] ?? ""), name);
    }),
  );
});

metrics.run();
