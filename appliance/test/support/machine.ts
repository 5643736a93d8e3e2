// SPDX-License-Identifier: Apache-2.0
/** The machine that tests see: a LAN, one segment, two stations, and what programs say of them. */
import { type CommandRunner, runCommand } from "../../src/shared/commands.ts";
import { type Tree, writeLink, writePeer, writeSegment } from "./tree.ts";

export const STATION_A = "02:11:22:33:44:0a";
export const STATION_B = "02:11:22:33:44:0b";

export function writeMachine(tree: Tree): void {
  tree.write({ "proc/uptime": "93784.12 1.0", "proc/stat": "cpu 1 2\nbtime 1790000000", "data/README": "" });
  writeLink(tree, "eth0", { index: 2, address: "52:54:00:12:34:56", counters: { rx_bytes: 1000, tx_bytes: 2000 } });
  writeSegment(tree, "seg0", {
    index: 3,
    address: "02:aa:bb:cc:dd:ee",
    counters: { rx_bytes: 5_000_000, rx_packets: 9000 },
  });
  writePeer(tree, "seg0", STATION_A, {
    name: "station-a",
    counters: { rx_bytes: 4_000_000, rx_packets: 7000, tx_bytes: 1234, tx_packets: 12, commands: 7012 },
    driver: { rx_packets: 7000, timeout: 2, retries: 0 },
  });
  writePeer(tree, "seg0", STATION_B, { state: "stalled", counters: { rx_dropped: 3 } });
  tree.write({
    "data/dhcp/seg0.leases": `1900000000 ${STATION_A} 10.143.0.20 station-a *`,
    "version.json": '{"version":"1.2.3","commit":"abc"}',
  });
  tree.write({
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": 48_250,
  });
}

/** `ethtool -S seg0` of a driver that has counted one of each. */
export const ETHTOOL = `NIC statistics:\n${[
  ...["rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "rx_messages", "tx_messages", "rx_null", "tx_null"],
  ...["rx_malformed", "rx_forged", "rx_nomem", "rx_down", "rx_reordered", "tx_no_peer", "tx_peer_down"],
  ...["tx_queue_full", "tx_no_ext", "tx_too_big", "tx_nomem", "tx_failed", "get_failed", "unit_attention"],
  ...["timeout", "retries", "relayed"],
]
  .map((name) => `     ${name}: 1\n`)
  .join("")}`;

/** `ip` and `ethtool` as of a machine with eth0 and seg0; all else is run for real. */
export const fakeIp: CommandRunner = async (file, args, options) => {
  if (file === "ethtool") return ETHTOOL;
  if (file !== "ip") return runCommand(file, args, options);
  if (args.includes("address")) {
    const info = (local: string, prefixlen: number) => [{ family: "inet", local, prefixlen, scope: "global" }];
    return JSON.stringify([
      { ifname: "eth0", addr_info: info("10.0.2.20", 24) },
      { ifname: "seg0", addr_info: info("10.143.0.1", 24) },
    ]);
  }
  if (args.includes("route")) return JSON.stringify([{ dst: "10.0.2.0/24", dev: "eth0" }]);
  if (args.includes("neighbour")) {
    return JSON.stringify([{ dst: "10.143.0.77", dev: "seg0", lladdr: STATION_B, state: ["REACHABLE"] }]);
  }
  throw new Error(`unexpected: ip ${args.join(" ")}`);
};

/** Takes several questions to `ip` (askIp) apart: `run` gets each of them by itself. */
export function batched(run: CommandRunner): CommandRunner {
  return async (file, args, options) => {
    if (file !== "ip" || !args.includes("-batch")) return run(file, args, options);
    const questions = (options?.input ?? "").split("\n").filter((line) => line !== "");
    const answers = await Promise.all(questions.map((question) => run("ip", ["-j", ...question.split(" ")])));
    return answers.join("\n");
  };
}

/** Waits until a condition holds. @throws Error after the time-out, milliseconds */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`timed out: ${what}`);
}
