// SPDX-License-Identifier: Apache-2.0
/** Checks of the way to a station: echo requests, and how much goes through. */
import { setTimeout } from "node:timers/promises";
import type { PingResult, StationView, ThroughputResult } from "../../api/stations.ts";
import type { CommandRunner } from "../../shared/commands.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { asObject, getAt } from "../../shared/json.ts";
import type { ExecutorLink } from "../environment.ts";

/** How long a connection to the station may take, milliseconds. */
const CONNECT_MS = 3000;
/** iperf3's server closes its port for a moment after each test: how often the next one is tried, and the pause between. */
const REOPEN = { tries: 5, pauseMs: 300 };

/** @throws ScsigateError station-no-address */
export function addressOf({ live, lease, ips, name, address }: StationView): string {
  const ip = live?.ip ?? lease?.ip ?? ips[0];
  if (ip !== undefined) return ip;
  const nextStep = "Give it one: run a DHCP client on it, and see that its link is up.";
  throw new ScsigateError("station-no-address", `no IP address of ${name || address} is known`, nextStep);
}

export async function ping(
  station: StationView,
  count: number,
  executor: Pick<ExecutorLink, "ping">,
): Promise<PingResult> {
  const ip = addressOf(station);
  return { ip, ...parsePing(await executor.ping(ip, count)) };
}

/**
 * @param text the summary of iputils' or busybox' ping
 * @throws ScsigateError command-failed when there is none
 */
export function parsePing(text: string): Omit<PingResult, "ip"> {
  const counts = /^([0-9]+) packets transmitted, ([0-9]+)(?: packets)? received/m.exec(text);
  if (counts === null) {
    throw new ScsigateError("command-failed", "ping said nothing that is known", "Try it by hand on the console.");
  }
  const [sent, received] = [Number(counts[1]), Number(counts[2])];
  const times = /= ([0-9.]+)\/([0-9.]+)\/([0-9.]+)/.exec(text);
  const time = (index: number) => (times === null ? null : Number(times[index]));
  const loss = sent === 0 ? 100 : Math.round((1000 * (sent - received)) / sent) / 10;
  return { sent, received, loss, min: time(1), avg: time(2), max: time(3) };
}

/**
 * TCP in both directions, one after the other, against an iperf3 server on the station.
 * @param seconds each direction
 * @throws ScsigateError station-no-server
 */
export async function throughput(station: StationView, seconds: number, run: CommandRunner): Promise<ThroughputResult> {
  const ip = addressOf(station);
  const measure = async (...more: string[]) => {
    const args = ["-J", "-c", ip, "-t", String(seconds), "--connect-timeout", String(CONNECT_MS), ...more];
    return parseIperf(
      await run("iperf3", args, { mayExitWith: [1], timeoutMs: CONNECT_MS + seconds * 1000 + 5000 }),
      ip,
    );
  };
  const there = await measure();
  const back = await whenReopened(() => measure("-R"));
  return { ip, seconds, toStation: there.rate, fromStation: back.rate, retransmits: there.retransmits };
}

async function whenReopened<T>(measure: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await measure();
    } catch (error) {
      const closed = error instanceof ScsigateError && /refused|busy/.test(error.message);
      if (!closed || tries === REOPEN.tries) throw error;
      await setTimeout(REOPEN.pauseMs);
    }
  }
}

/**
 * @param text what iperf3 -J printed
 * @throws ScsigateError station-no-server, command-failed
 */
export function parseIperf(text: string, ip: string): { rate: number; retransmits: number } {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    throw new ScsigateError("command-failed", "iperf3 said nothing that is known", "Try it by hand on the console.");
  }
  const { error } = asObject(report);
  if (typeof error === "string") {
    if (/unable to connect|timed out|refused|unreachable|no route/i.test(error)) {
      const nextStep = `Start one on the station: iperf3 -s. It listens on TCP port 5201; see that a firewall there lets it through.`;
      throw new ScsigateError("station-no-server", `no iperf3 server answers at ${ip}: ${error}`, nextStep);
    }
    const nextStep = "Try again; the server on the station serves one test at a time.";
    throw new ScsigateError("command-failed", `iperf3: ${error}`, nextStep);
  }
  const rate = Number(getAt(report, ["end", "sum_received", "bits_per_second"]) ?? 0);
  return { rate: Math.round(rate), retransmits: Number(getAt(report, ["end", "sum_sent", "retransmits"]) ?? 0) };
}
