// SPDX-License-Identifier: Apache-2.0
/** The service as a whole: its modules in the order in which they start and, backwards, stop. */
import type { Version } from "../api/status.ts";
import { ConfigStore, type Opened } from "../config/store.ts";
import type { Config } from "../config/types.ts";
import { diskFs, readJson } from "../shared/durable.ts";
import { type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import { Access } from "./access/access.ts";
import { ACCESS_FILE, AccessStore } from "./access/accessStore.ts";
import { BringUp } from "./bringUp.ts";
import { Configuration } from "./configuration.ts";
import { Diagnosis } from "./diagnosis/diagnosis.ts";
import type { ServiceEnvironment } from "./environment.ts";
import { type GatewayState, initialState } from "./gatewayState.ts";
import { History } from "./history/history.ts";
import { diagnosisRoutes } from "./http/diagnosisApi.ts";
import { networkRoutes } from "./http/networkApi.ts";
import { stationsRoutes } from "./http/stationsApi.ts";
import { telemetryRoutes } from "./http/telemetryApi.ts";
import { Certificates, TLS_FILE } from "./http/tls.ts";
import { Web } from "./http/web.ts";
import { metricsRoutes } from "./metrics/metrics.ts";
import { Monitor } from "./monitor.ts";
import { CaptureSlot } from "./stations/captures.ts";
import { Stations } from "./stations/stations.ts";
import { makeSupportArchive } from "./support.ts";
import { Syslog } from "./syslog/syslog.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

/** What a factory reset removes beside the configuration: all that the owner may have put there. */
const ALSO_RESET = [ACCESS_FILE, TLS_FILE, "events.jsonl", "discovery.json"];

export class Service {
  readonly #environment: ServiceEnvironment;
  #running: { stop(): void | Promise<void> }[] = [];
  #web: Web | undefined;
  /** Of BringUp, when the last change was tried. */
  #firewallChanges = 0;

  constructor(environment: ServiceEnvironment) {
    this.#environment = environment;
  }

  /** Ports that are listened on. */
  get ports(): { http: number; https: number } {
    return this.#web?.ports ?? { http: 0, https: 0 };
  }

  async start(): Promise<void> {
    const { paths, log, clock, random, logs } = this.#environment;
    const store = new ConfigStore(paths.data, diskFs, ALSO_RESET);
    const opened = await store.open();
    this.#report(opened);
    const state = initialState(await readVersion(paths.version), opened.loaded);
    state.serviceProblem = opened.problem === undefined ? undefined : toProblem(opened.problem);

    const monitor = new Monitor(this.#environment, state);
    const bringUp = new BringUp(this.#environment, state);
    // These two follow the configuration by themselves.
    const telemetry = new Telemetry(this.#environment, state, monitor, log.child({ module: "telemetry" }));
    const syslog = new Syslog(this.#environment, state, monitor);
    const configuration = new Configuration(store, opened, state, this.#environment);
    const access = new Access(
      new AccessStore(paths.data, diskFs, random),
      clock,
      random,
      log.child({ module: "access" }),
    );
    const history = new History(monitor, paths.data, clock, log.child({ module: "history" }));
    const captures = new CaptureSlot(this.#environment.executor, clock, random);
    const stations = new Stations(state, monitor, configuration, paths.leases);
    const certificates = new Certificates({ data: paths.data, run: this.#environment.run, clock, log });
    state.checks.push(() => certificates.problem);
    const factoryReset = async (): Promise<void> => {
      await configuration.reset();
      // The users first: nobody opens a session after theirs were closed. They go even if the disk does not take it.
      await access.store.forget().finally(() => access.sessions.closeAll());
      await history.forget();
      // The next owner's key is not one that the last owner may have a copy of.
      await certificates.regenerate(state.config.config.hostname);
      this.#announce(access);
    };
    const diagnosis = new Diagnosis(this.#environment, state, monitor);
    const environment = this.#environment;
    const secrets = () => [...configuration.secretValues, ...certificates.secrets, access.store.setupToken ?? ""];
    const parts = { environment, state, monitor, configuration, diagnosis, logs, secrets };
    const support = () => makeSupportArchive(parts);
    const more = [
      ...metricsRoutes(monitor),
      ...diagnosisRoutes(diagnosis),
      ...telemetryRoutes(state, telemetry, clock),
      ...networkRoutes(this.#environment, state),
      ...stationsRoutes({ environment, monitor, stations, history, captures }),
    ];
    const web = new Web(environment, {
      state,
      monitor,
      configuration,
      access,
      certificates,
      logs,
      factoryReset,
      support,
      more,
    });
    this.#web = web;
    configuration.start({
      activate: (config, tried) => this.#activate(config, tried, bringUp, web),
      preview: (config) => bringUp.preview(config),
    });
    configuration.onTransaction(({ state: progress }) => {
      if (progress === "applying") this.#firewallChanges = bringUp.firewallChanges;
    });
    this.#running.push(history, captures, monitor, bringUp, configuration, web, syslog, telemetry);
    syslog.start();
    history.start();

    await Promise.all([access.store.open().catch((error: unknown) => this.#failed(state, error)), monitor.start()]);
    this.#announce(access);
    // The page is there first, then the machine is brought up. The gateway forwards without its page, too.
    await web.start().then(
      () => this.#environment.executor.ready(),
      (error: unknown) => this.#failed(state, error),
    );
    await bringUp.start();
    await telemetry.start();
  }

  async stop(): Promise<void> {
    for (const module of this.#running.reverse()) await module.stop();
    this.#running = [];
  }

  /** Makes a configuration hold that differs from the one before. */
  async #activate(config: Config, tried: boolean, bringUp: BringUp, web: Web): Promise<Problem[]> {
    const problems: Problem[] = [];
    await web.configure(config).catch((error: unknown) => {
      const { http } = config;
      const message = `ports ${http.port} and ${http.httpsPort} cannot both be opened: ${toProblem(error).message}`;
      const taken = new ScsigateError("port-taken", message, "Use other ports; the page stays where it was.");
      problems.push(toProblem(taken));
    });
    problems.push(...(await bringUp.reconcile()));
    // The firewall lets pass what is established: who is shut out now must not confirm that over an old connection.
    if (tried && bringUp.firewallChanges !== this.#firewallChanges) web.disconnect();
    return problems;
  }

  #report(opened: Opened): void {
    const { log } = this.#environment;
    for (const error of opened.loaded.errors) log.error({ error }, "configuration");
    if (opened.loaded.source === "defaults") log.warn("running with defaults");
    if (opened.problem !== undefined) log.error({ problem: toProblem(opened.problem) }, "configuration");
  }

  #failed(state: GatewayState, error: unknown): void {
    state.serviceProblem = toProblem(error);
    this.#environment.log.error({ problem: state.serviceProblem }, "not everything works");
  }

  /** On the console, and nowhere else: the log goes to other machines. */
  #announce(access: Access): void {
    const token = access.store.setupToken;
    if (token === undefined) return;
    this.#environment.announce(`scsigate: nobody owns this gateway yet. Its setup token: ${token}`);
  }
}

async function readVersion(path: string): Promise<Version> {
  const value = await readJson(path);
  const field = (name: string): string => {
    const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    return typeof text === "string" ? text : "unknown";
  };
  return { version: field("version"), commit: field("commit") };
}
