// SPDX-License-Identifier: Apache-2.0
/** Gathers what a diagnosis needs, and has it made. */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Diagnosis as Result } from "../../api/diagnosis.ts";
import { parseRoutes } from "../../observe/ipJson.ts";
import type { ServiceEnvironment } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import { diagnose, type ExportFacts, neededModules } from "./diagnose.ts";
import { loadedModules, probeClock, probeNames, probeReach, readExport } from "./probes.ts";

export class Diagnosis {
  readonly #environment: ServiceEnvironment;
  readonly #state: GatewayState;
  readonly #monitor: Monitor;
  #underWay: Promise<Result> | undefined;

  constructor(environment: ServiceEnvironment, state: GatewayState, monitor: Monitor) {
    this.#environment = environment;
    this.#state = state;
    this.#monitor = monitor;
  }

  /** A few seconds at most. Who asks while one is under way gets that one: many callers start no many programs. */
  run(): Promise<Result> {
    this.#underWay ??= this.#run().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #run(): Promise<Result> {
    const { run, paths } = this.#environment;
    const { config } = this.#state.config;
    const routes = await run("ip", ["-j", "-4", "route", "show"]).then(parseRoutes, () => []);
    const way = routes.find((route) => route.destination === "default" && route.gateway !== undefined);
    const router = way?.gateway;
    const [reach, names, clock, forward] = await Promise.all([
      way === undefined || router === undefined ? undefined : probeReach(run, router, way.interface),
      probeNames(config.hostname, brokerName(config.mqtt)),
      probeClock(run),
      readFile(join(paths.proc, "sys/net/ipv4/ip_forward"), "utf8").catch(() => ""),
    ]);
    const exports = new Map<string, ExportFacts>(
      config.segments.map((segment) => [segment.name, readExport(paths.sys, segment.name)]),
    );
    return diagnose({
      status: this.#monitor.status,
      config,
      modules: loadedModules(
        paths.sys,
        config.segments.flatMap(({ fabric }) => neededModules(fabric.type)),
      ),
      exports,
      forwarding: forward.trim() === "1",
      firewallProblem: this.#state.firewallProblem,
      router,
      reach,
      names,
      clock,
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
