// SPDX-License-Identifier: Apache-2.0
/** Whether the gateway does its job, and if not, why. */
import type { Health, LinkStatus, Problem, SegmentStatus } from "../api/status.ts";
import type { GatewayState } from "./gatewayState.ts";

/** How long after start a broker may take before its absence counts, seconds. */
const BROKER_PATIENCE_S = 15;

export function assessHealth(
  state: GatewayState,
  lan: LinkStatus,
  segments: readonly SegmentStatus[],
  serviceUptimeSeconds: number,
): Health {
  const reasons: Problem[] = [...(state.serviceProblem ? [state.serviceProblem] : []), ...state.problems];
  if (!state.settled && reasons.length === 0) return { status: "starting", reasons: [] };
  for (const error of state.config.errors) {
    const where = error.path === "" ? "the document" : error.path;
    reasons.push({
      code: "config-invalid",
      message: `configuration: ${where}: ${error.message}`,
      nextStep: error.nextStep,
    });
  }
  if (lan.interface !== null && !lan.carrier) {
    reasons.push({
      code: "lan-no-carrier",
      message: `no link on ${lan.interface}`,
      nextStep: "Check the network cable and the switch port.",
    });
  } else if (lan.interface !== null && lan.addresses.length === 0 && state.config.config.lan.ipv4.method !== "none") {
    reasons.push({
      code: "lan-no-address",
      message: `${lan.interface} has no address`,
      nextStep: "Check the LAN's DHCP server, or give a static address in lan.ipv4.",
    });
  }
  const configured = new Set(state.config.config.segments.map((segment) => segment.name));
  for (const segment of segments) {
    if (segment.present || !configured.has(segment.name) || state.problems.length > 0) continue;
    if (segment.bus?.problem) continue; // it says why
    reasons.push({
      code: "segment-missing",
      message: `segment ${segment.name} does not exist`,
      nextStep: "It is made again within ten seconds; if not, look at the log on the console.",
    });
  }
  reasons.push(
    ...state.monitorProblems,
    ...[state.storeProblem, state.syslogProblem].filter((problem) => problem !== undefined),
  );
  const { mqtt } = state;
  if (mqtt.enabled && !mqtt.connected && (mqtt.error !== null || serviceUptimeSeconds > BROKER_PATIENCE_S)) {
    reasons.push({
      code: "broker-unreachable",
      message: `no connection to ${mqtt.url ?? "the broker"}${mqtt.error === null ? "" : `: ${mqtt.error}`}`,
      nextStep: brokerAdvice(mqtt.error ?? ""),
    });
  }
  // What was found in another way already is not told twice.
  const known = new Set(reasons.map(({ code }) => code));
  reasons.push(...state.findings.filter(({ code }) => !known.has(code)));
  return { status: reasons.length === 0 ? "ok" : "degraded", reasons };
}

/** What to do about the broker, by what the attempt ended with. */
export function brokerAdvice(error: string): string {
  if (/not authorized|bad user ?name|unauthorized/i.test(error)) return "Check mqtt.username and mqtt.password.";
  if (/PEM|key values mismatch|alert/i.test(error)) return "Check mqtt.tls.certificate and mqtt.tls.key.";
  if (/certificate|self.signed|altname|unable to verify/i.test(error)) {
    return "Check mqtt.tls.ca, the name in mqtt.url, and the gateway's clock.";
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(error)) return "Check the name in mqtt.url and the LAN's name server.";
  return "Check that the broker runs and that mqtt.url names it.";
}
