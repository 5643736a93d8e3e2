// SPDX-License-Identifier: Apache-2.0
/** Gathers what a diagnosis needs, and has it made. */
import { isIP } from "node:net";
import { join } from "node:path";
import type { Diagnosis as Result } from "../../api/diagnosis.ts";
import type { Status } from "../../api/status.ts";
import { text } from "../../observe/files.ts";
import { parseRoutes } from "../../observe/ipJson.ts";
import { toProblem } from "../../shared/errors.ts";
import type { Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { diagnose, type ExportFacts, type Facts, findingsOf, neededModules } from "./diagnose.ts";
import { loadedModules, probeClock, probeNames, probeReach, readExport } from "./probes.ts";

type Environment = Part<"clock" | "run" | "log", "sys" | "proc", "ping">;

/** Between two rounds of questions to router, name servers and time keeper, milliseconds. */
const PROBE_INTERVAL_MS = 60_000;
/**
 * What is broken counts once it was so for this long: what is lost is made again within ten seconds. Milliseconds.
 */
const PATIENCE_MS = 15_000;

/** What takes questions to others to find out. */
type Probed = Pick<Facts, "router" | "reach" | "names" | "clock">;

/** Before the first round: nothing that anybody would worry about. */
const UNASKED: Probed = {
  router: undefined,
  reach: undefined,
  names: { servers: [], answered: null, wanted: null },
  clock: { keeper: false, offset: null },
};

export class Diagnosis {
  readonly #environment: Environment;
  readonly #state: GatewayState;
  readonly #monitor: Monitor;
  #underWay: Promise<Result> | undefined;
  #probed = UNASKED;
  /** When each finding was first made, monotonic milliseconds. */
  readonly #since = new Map<string, number>();
  #stops: (() => void)[] = [];

  constructor(environment: Environment, state: GatewayState, monitor: Monitor) {
    this.#environment = environment;
    this.#state = state;
    this.#monitor = monitor;
  }

  /** Keeps the findings of the gateway's health as they are; after the monitor. */
  start(): void {
    const { clock, log } = this.#environment;
    const ask = () => void this.run().catch((error: unknown) => log.warn({ problem: toProblem(error) }, "diagnosis"));
    this.#stops = [
      clock.every(PROBE_INTERVAL_MS, ask),
      this.#state.events.on("status", (status) => this.#update(status)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  #update(status: Status): void {
    const { settled, problems } = this.#state;
    // While the machine is brought up, or that fails, what is missing follows from it.
    const found = settled && problems.length === 0 ? findingsOf(this.#diagnose(status)) : [];
    const now = this.#environment.clock.monotonic();
    const keys = new Set(found.map(({ key }) => key));
    for (const key of this.#since.keys()) if (!keys.has(key)) this.#since.delete(key);
    for (const key of keys) if (!this.#since.has(key)) this.#since.set(key, now);
    const counts = found.filter(({ key }) => now - (this.#since.get(key) ?? now) >= PATIENCE_MS);
    this.#state.findings = counts.map(({ problem }) => problem);
  }

  /** A few seconds at most. Who asks while one is under way gets that one: many callers start no many programs. */
  run(): Promise<Result> {
    this.#underWay ??= this.#run().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #run(): Promise<Result> {
    const { run } = this.#environment;
    const { config } = this.#state.config;
    const routes = await run("ip", ["-j", "-4", "route", "show"]).then(parseRoutes, () => []);
    const way = routes.find((route) => route.destination === "default" && route.gateway !== undefined);
    const router = way?.gateway;
    const [reach, names, clock] = await Promise.all([
      way === undefined || router === undefined ? undefined : probeReach(this.#environment, router, way.interface),
      probeNames(config.hostname, brokerName(config.mqtt)),
      probeClock(run),
    ]);
    this.#probed = { router, reach, names, clock };
    const result = this.#diagnose(await this.#monitor.fresh());
    // What somebody has been told counts at once.
    for (const { key } of findingsOf(result)) this.#since.set(key, Number.NEGATIVE_INFINITY);
    return result;
  }

  #diagnose(status: Status): Result {
    const { paths } = this.#environment;
    const { config } = this.#state.config;
    const exports = new Map<string, ExportFacts>(
      config.segments.map((segment) => [segment.name, readExport(paths.sys, segment.name)]),
    );
    return diagnose({
      ...this.#probed,
      status,
      config,
      modules: loadedModules(
        paths.sys,
        config.segments.flatMap(({ fabric }) => neededModules(fabric.type)),
      ),
      exports,
      forwarding: text(join(paths.proc, "sys/net/ipv4/ip_forward")) === "1",
      firewallProblem: this.#state.firewallProblem,
      targetPorts: this.#monitor.targetPorts().length,
    });
  }
}

/** The broker's name, where it has one. */
function brokerName({ enabled, url }: { enabled: boolean; url: string }): string | undefined {
  if (!enabled || !URL.canParse(url)) return undefined;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 && host !== "localhost" ? host : undefined;
}
