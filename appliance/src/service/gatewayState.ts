// SPDX-License-Identifier: Apache-2.0
/** What the service's modules know of each other. One writer for each field, named with it. */
import type { MqttStatus, Problem, UpdateStatus, Version } from "../api/status.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Bindings } from "../plan/initiators.ts";
import type { Identity } from "../shared/identity.ts";
import { EventBus } from "./eventBus.ts";

export interface GatewayState {
  /** What happens, for whoever has to do with it. */
  readonly events: EventBus;
  /** service.ts, at start */
  version: Version;
  /** service.ts, at start */
  config: LoadedConfig;
  /** bringUp.ts; undefined until the LAN interface was seen */
  identity: Identity | undefined;
  /** bringUp.ts: name of the LAN interface */
  lan: string | undefined;
  /** bringUp.ts: whether a plan was carried out and nothing waits any more */
  settled: boolean;
  /** bringUp.ts: when it was so for the first time, seconds since the machine started */
  readyAfterSeconds: number | undefined;
  /** bringUp.ts: what the last plan failed at */
  problems: Problem[];
  /** bringUp.ts: whose the settings are that go by an initiator's name */
  bindings: Bindings;
  /** bringUp.ts: why the firewall's rules could not be loaded */
  firewallProblem: Problem | undefined;
  /** http/web.ts: why there is no page, or nothing that leads to it */
  serviceProblem: Problem | undefined;
  /** monitor.ts: stations that flap, reset storms, heat, a full disk */
  monitorProblems: Problem[];
  /** diagnosis.ts: what is broken on the way from the stations to the LAN */
  findings: readonly Problem[];
  /** service.ts: questions that the monitor asks with each sample */
  checks: (() => Problem | readonly Problem[] | undefined)[];
  /** panel.ts: until when it is told that the button was pressed, milliseconds since 1970 */
  pressedUntil: number;
  /** telemetry.ts: why events cannot be kept on disk */
  storeProblem: Problem | undefined;
  /** syslog.ts: why the log server does not get the log */
  syslogProblem: Problem | undefined;
  /** telemetry.ts */
  mqtt: MqttStatus;
  /** update/updates.ts */
  update: UpdateStatus;
}

export function initialState(version: Version, config: LoadedConfig): GatewayState {
  const { enabled, url } = config.config.mqtt;
  return {
    events: new EventBus(),
    version,
    config,
    identity: undefined,
    lan: undefined,
    settled: false,
    readyAfterSeconds: undefined,
    problems: [],
    bindings: {},
    firewallProblem: undefined,
    serviceProblem: undefined,
    monitorProblems: [],
    findings: [],
    checks: [],
    pressedUntil: 0,
    storeProblem: undefined,
    syslogProblem: undefined,
    mqtt: { enabled, connected: false, url: enabled ? url : null, error: null, eventsWaiting: 0, eventsLost: 0 },
    update: { version: null, state: "idle", percent: null, latestVersion: null },
  };
}
