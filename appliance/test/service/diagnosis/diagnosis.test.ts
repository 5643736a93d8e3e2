// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Status } from "../../../src/api/status.ts";
import { Diagnosis } from "../../../src/service/diagnosis/diagnosis.ts";
import { type GatewayState, initialState } from "../../../src/service/gatewayState.ts";
import type { Monitor } from "../../../src/service/monitor.ts";
import { silentLogger } from "../../../src/shared/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { configOf } from "../../support/telemetryRig.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

const ADDRESS = "10.0.2.20/24";

/** A gateway without segments. */
class Rig {
  readonly tree: Tree = temporaryTree();
  readonly clock = new ManualClock();
  readonly state: GatewayState;
  readonly diagnosis: Diagnosis;
  lanAddresses = [ADDRESS];
  /** Whether somebody has the router's address. */
  routerThere = true;

  constructor() {
    const config = configOf({ version: 1, segments: [], mqtt: { enabled: false } });
    this.state = initialState({ version: "1", commit: "a" }, { config, source: "file", errors: [] });
    this.state.settled = true;
    this.tree.write({ "proc/sys/net/ipv4/ip_forward": "1" });
    const environment = {
      paths: { sys: `${this.tree.root}/sys`, proc: `${this.tree.root}/proc` },
      ...{ clock: this.clock, log: silentLogger() },
      run: async (file: string, args: readonly string[]) => {
        if (file !== "ip") throw new Error(`there is no ${file}`);
        if (args.includes("route")) return '[{"dst":"default","gateway":"127.0.0.9","dev":"lo"}]';
        return JSON.stringify([{ dst: "127.0.0.9", state: [this.routerThere ? "REACHABLE" : "FAILED"] }]);
      },
      executor: { ping: () => Promise.reject(new Error("no")) },
    };
    const rig = this;
    const monitor = {
      get status() {
        return rig.status;
      },
      fresh: async () => rig.status,
      targetPorts: () => [],
    } as unknown as Monitor;
    this.diagnosis = new Diagnosis(environment, this.state, monitor);
    this.diagnosis.start();
    this.clock.every(1000, () => this.state.events.tell("status", this.status));
  }

  get status(): Status {
    const link = { interface: "eth0", mac: "52:54:00:00:00:01", mtu: 1500, carrier: true };
    return {
      ...{
        id: "525400123456",
        time: this.clock.now(),
        segments: [],
        mesh: null,
        encryption: null,
        storage: null,
        localUrl: null,
      },
      lan: { ...link, addresses: this.lanAddresses },
      mqtt: { enabled: false, connected: false, url: null, error: null },
      health: { status: "ok", reasons: [] },
    } as unknown as Status;
  }

  get codes(): string[] {
    return this.state.findings.map(({ code }) => code).filter((code) => code !== "name-server-silent");
  }
}

const diagnosis = suite("findings");

diagnosis("what is broken for 15 seconds counts, and is forgotten as soon as it is mended", async () => {
  const rig = new Rig();
  await rig.clock.pass(5000);
  rig.lanAddresses = [];
  await rig.clock.pass(15_000);
  assert.equal(rig.codes, [], "what is lost is made again within ten seconds");
  await rig.clock.pass(2000);
  assert.equal(rig.codes, ["lan-no-address"]);
  rig.lanAddresses = [ADDRESS];
  await rig.clock.pass(1000);
  assert.equal(rig.codes, []);
  rig.diagnosis.stop();
  rig.tree.dispose();
});

diagnosis("what somebody was shown counts at once", async () => {
  const rig = new Rig();
  rig.routerThere = false;
  const { state } = await rig.diagnosis.run();
  assert.is(state, "bad");
  await rig.clock.pass(1000);
  assert.equal(rig.codes, ["lan-router-gone"]);
  rig.routerThere = true;
  await rig.diagnosis.run();
  await rig.clock.pass(1000);
  assert.equal(rig.codes, []);
  rig.diagnosis.stop();
  rig.tree.dispose();
});

diagnosis("what follows from a plan that failed is not told beside it", async () => {
  const rig = new Rig();
  rig.lanAddresses = [];
  rig.state.problems = [{ code: "operation-failed", message: "ip: no", nextStep: "Look at the log." }];
  await rig.diagnosis.run();
  await rig.clock.pass(20_000);
  assert.equal(rig.codes, []);
  rig.diagnosis.stop();
  rig.tree.dispose();
});

diagnosis.run();
