// SPDX-License-Identifier: Apache-2.0
/** The API's routes about telemetry: what is sent, and trying a broker or a log server before it is configured. */
import type { ConnectionTest } from "../../api/diagnosis.ts";
import type { Config } from "../../config/types.ts";
import { validate } from "../../config/validate.ts";
import type { Clock } from "../../shared/clock.ts";
import { asObject, mergePatch } from "../../shared/json.ts";
import type { GatewayState } from "../gatewayState.ts";
import { testSyslog } from "../syslog/syslogTest.ts";
import { testBroker } from "../telemetry/brokerTest.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { type Answer, json, problem, type Route } from "./router.ts";

export function telemetryRoutes(state: GatewayState, telemetry: Telemetry, clock: Clock): Route[] {
  /** What the gateway runs with, changed by the body; null removes, as in a merge patch. */
  const tried = async (
    section: "mqtt" | "syslog",
    body: unknown,
    attempt: (config: Config) => Promise<ConnectionTest>,
  ): Promise<Answer> => {
    const changed = mergePatch(state.config.config[section], body);
    const checked = validate({ version: 1, [section]: { ...asObject(changed), enabled: true } });
    if (!checked.valid) {
      return problem(422, "config-invalid", "these settings cannot be tried", "Correct what is listed in errors.", {
        errors: checked.errors,
      });
    }
    return json(await attempt(checked.config));
  };
  return [
    {
      method: "GET",
      path: "/api/v1/telemetry",
      access: "operate",
      summary: "How telemetry goes, and the last messages that were sent",
      answers: { 200: "Telemetry" },
      handler: () => json(telemetry.view),
    },
    {
      method: "POST",
      path: "/api/v1/telemetry/test",
      access: "admin",
      summary: "Tries a broker: settings of mqtt that are not given, secrets among them, are the present ones",
      body: "Patch",
      answers: { 200: "ConnectionTest" },
      handler: ({ body }) =>
        tried("mqtt", body, ({ mqtt }) => testBroker(mqtt, `scsigate-${state.identity?.id ?? ""}-test`, clock)),
    },
    {
      method: "POST",
      path: "/api/v1/syslog/test",
      access: "admin",
      summary: "Sends a test message to a log server: settings of syslog that are not given are the present ones",
      body: "Patch",
      answers: { 200: "ConnectionTest" },
      handler: ({ body }) =>
        tried("syslog", body, ({ syslog }) => testSyslog(syslog, state.config.config.hostname, clock)),
    },
  ];
}
