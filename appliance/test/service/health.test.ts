// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Health, LinkStatus } from "../../src/api/status.ts";
import { diskProblem, isWritable, readFreeBytes } from "../../src/observe/disk.ts";
import { ZERO_COUNTERS } from "../../src/observe/sysfs.ts";
import { type GatewayState, initialState } from "../../src/service/gatewayState.ts";
import { assessHealth } from "../../src/service/health.ts";
import { ZERO_RATES } from "../../src/service/rates.ts";
import { healthEvent } from "../../src/service/telemetry/events.ts";
import { configOf } from "../support/telemetryRig.ts";

const LAN: LinkStatus = {
  ...{ interface: "eth0", mac: "52:54:00:12:34:56", mtu: 1500, carrier: true, addresses: ["10.0.2.20/24"] },
  ...{ counters: ZERO_COUNTERS, rates: ZERO_RATES },
};

/** A gateway without segments that has come up, with telemetry switched on. */
function well(): GatewayState {
  const config = configOf({ version: 1, segments: [], mqtt: { enabled: true } });
  const state = initialState({ version: "1", commit: "a" }, { config, source: "file", errors: [] });
  state.settled = true;
  state.mqtt.connected = true;
  return state;
}

function codes(state: GatewayState, lan = LAN): string[] {
  const health = assessHealth(state, lan, [], 60);
  for (const reason of health.reasons) assert.ok(reason.message.length > 5 && reason.nextStep.length > 5);
  assert.is(health.status, health.reasons.length === 0 ? "ok" : "degraded");
  return health.reasons.map((reason) => reason.code);
}

const health = suite("health");

health("well: nothing to say; what links, disk and log server say is passed on", () => {
  assert.equal(codes(well()), []);
  const problem = (code: "reset-storm" | "data-unwritable" | "log-server-unreachable") => ({
    ...{ code, message: "something is wrong", nextStep: "Do something." },
  });
  const state = well();
  state.monitorProblems = [problem("reset-storm")];
  state.storeProblem = problem("data-unwritable");
  state.syslogProblem = problem("log-server-unreachable");
  assert.equal(codes(state), ["reset-storm", "data-unwritable", "log-server-unreachable"]);
  state.findings = [
    { ...problem("reset-storm"), message: "the same in other words" },
    { code: "lan-router-gone", message: "nobody has the router's address", nextStep: "Check the router." },
  ];
  assert.equal(codes(state), ["reset-storm", "data-unwritable", "log-server-unreachable", "lan-router-gone"]);
});

health("starting, until a plan was carried out", () => {
  const state = well();
  state.settled = false;
  assert.is(assessHealth(state, LAN, [], 1).status, "starting");
});

health("a LAN without a link, and one without an address", () => {
  assert.equal(codes(well(), { ...LAN, carrier: false }), ["lan-no-carrier"]);
  assert.equal(codes(well(), { ...LAN, addresses: [] }), ["lan-no-address"]);
});

const ADVICE: [string, RegExp][] = [
  ["Connection refused: Not authorized", /mqtt\.password/],
  ["Connection refused: Bad username or password", /mqtt\.username/],
  ["self-signed certificate in certificate chain", /mqtt\.tls\.ca/],
  ["Hostname/IP does not match certificate's altnames", /name in mqtt\.url/],
  ["certificate is not yet valid", /clock/],
  ["error:05800074:x509 certificate routines::key values mismatch", /mqtt\.tls\.key/],
  ["tlsv13 alert certificate required", /mqtt\.tls\.certificate/],
  ["getaddrinfo ENOTFOUND broker", /name server/],
  ["connect ECONNREFUSED 127.0.0.1:1883", /broker runs/],
];

health("a data partition that is nearly full; one that cannot be asked is none", async () => {
  assert.is(diskProblem(100 * 1024)?.code, "data-full");
  assert.is(diskProblem(100 * 1024 * 1024), undefined);
  assert.is(diskProblem(await readFreeBytes("/nonexistent")), undefined);
  assert.type(await readFreeBytes("/"), "number");
  assert.is(await isWritable("/tmp"), true);
  assert.is(await isWritable("/nonexistent"), false);
  assert.is(diskProblem(100 * 1024 * 1024, false)?.code, "data-unwritable");
});

health("the broker's absence: what to do depends on why", () => {
  for (const [error, advice] of ADVICE) {
    const state = well();
    state.mqtt = { ...state.mqtt, connected: false, error };
    assert.match(assessHealth(state, LAN, [], 60).reasons[0]?.nextStep ?? "", advice, error);
  }
});

health("events: once for each change of the reasons, and not of the broker's absence", () => {
  const reason = (code: "lan-no-carrier" | "broker-unreachable") => ({ code, message: "m", nextStep: "n" });
  const of = (...reasons: ReturnType<typeof reason>[]): Health => ({
    status: reasons.length === 0 ? "ok" : "degraded",
    reasons,
  });
  assert.is(healthEvent(undefined, of()), undefined);
  assert.is(healthEvent(of(), of()), undefined);
  assert.is(healthEvent(of(), of(reason("broker-unreachable"))), undefined);
  assert.equal(healthEvent(of(reason("broker-unreachable")), of(reason("lan-no-carrier"))), {
    ...{ type: "health", status: "degraded", reasons: ["lan-no-carrier"] },
  });
  assert.equal(healthEvent(of(reason("lan-no-carrier")), of())?.status, "ok");
  assert.is(healthEvent({ status: "starting", reasons: [] }, of()), undefined);
});

health.run();
