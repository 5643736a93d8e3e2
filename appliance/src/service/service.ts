// SPDX-License-Identifier: Apache-2.0
/** The service as a whole: its modules in the order in which they start and, backwards, stop. */
import { readImage } from "../adapter/image.ts";
import { AdapterWatch } from "../adapter/watch.ts";
import type { Version } from "../api/status.ts";
import { ConfigStore, type Opened } from "../config/store.ts";
import type { Config } from "../config/types.ts";
import { diskFs, readJson } from "../shared/durable.ts";
import { type Problem, toProblem } from "../shared/errors.ts";
import { Access } from "./access/access.ts";
import { ACCESS_FILE, AccessStore } from "./access/accessStore.ts";
import { sessionFile } from "./access/sessionFile.ts";
import { BINDINGS_FILE, BringUp } from "./bringUp.ts";
import { Configuration } from "./configuration.ts";
import { ConsoleBanner } from "./console.ts";
import { Diagnosis } from "./diagnosis/diagnosis.ts";
import type { ServiceEnvironment } from "./environment.ts";
import { FirstStart, PREPARED_FILE } from "./firstStart.ts";
import { type GatewayState, initialState } from "./gatewayState.ts";
import { History } from "./history/history.ts";
import { adapterRoutes } from "./http/adapterApi.ts";
import { diagnosisRoutes } from "./http/diagnosisApi.ts";
import { networkRoutes } from "./http/networkApi.ts";
import { resetRoutes } from "./http/resetApi.ts";
import { stationsRoutes } from "./http/stationsApi.ts";
import { telemetryRoutes } from "./http/telemetryApi.ts";
import { Certificates, TLS_FILE } from "./http/tls.ts";
import { updateRoutes } from "./http/updateApi.ts";
import { Web } from "./http/web.ts";
import { LOG_FILE, LogFile } from "./logFile.ts";
import { metricsRoutes } from "./metrics/metrics.ts";
import { Monitor } from "./monitor.ts";
import { Panel } from "./panel/panel.ts";
import { CaptureSlot } from "./stations/captures.ts";
import { Stations } from "./stations/stations.ts";
import { makeSupportArchive } from "./support.ts";
import { Syslog } from "./syslog/syslog.ts";
import { Telemetry } from "./telemetry/telemetry.ts";
import { Fleet } from "./update/fleet/fleet.ts";
import { Updates } from "./update/updates.ts";

/** What a factory reset removes beside the configuration: all that the owner may have put there. */
const ALSO_RESET = [ACCESS_FILE, LOG_FILE, TLS_FILE, PREPARED_FILE, "events.jsonl", "discovery.json", BINDINGS_FILE];

/** How long whoever asks for a factory reset waits for the machine; it goes on nevertheless, milliseconds. */
const RESET_PATIENCE_MS = 8000;

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
    const logFile = new LogFile({ data: paths.data, proc: paths.proc, fs: diskFs, clock, logs, log });
    await logFile.start();
    const store = new ConfigStore(paths.data, diskFs, ALSO_RESET);
    const accessStore = new AccessStore(paths.data, diskFs, random);
    const firstStart = new FirstStart(this.#environment, accessStore);
    const before = await store.open();
    const unopened: unknown = await accessStore.open().catch((error: unknown) => error);
    const opened = await firstStart.run(store, before);
    this.#report(opened);
    const state = initialState(await readVersion(paths.version), opened.loaded);
    if (store.problem !== undefined) log.error({ problem: toProblem(store.problem) }, "configuration");

    const bringUp = new BringUp(this.#environment, state);
    const adapters = watchAdapters(this.#environment, state, () => void bringUp.reconcile());
    const monitor = new Monitor(this.#environment, state, adapters);
    const telemetry = new Telemetry(this.#environment, state, monitor, log.child({ module: "telemetry" }), () =>
      updates.installAndRestart().catch((error: unknown) => log.warn({ problem: toProblem(error) }, "update")),
    );
    const syslog = new Syslog(this.#environment, state);
    const configuration = new Configuration(store, opened, state, this.#environment);
    if (unopened !== undefined) log.error({ problem: toProblem(unopened) }, "users and keys");
    const access = new Access(accessStore, clock, random, log.child({ module: "access" }), sessionFile(paths));
    const history = new History(state.events, monitor, paths.data, clock, log.child({ module: "history" }));
    const captures = new CaptureSlot(this.#environment.executor, clock, random);
    const stations = new Stations(state, monitor, configuration, paths.leases, () => bringUp.bind());
    const certificates = new Certificates({
      ...{ data: paths.data, scratch: paths.run, run: this.#environment.run, clock, log },
    });
    state.checks.push(() => [store.problem, accessStore.problem].flatMap((found) => (found ? [toProblem(found)] : [])));
    state.checks.push(() => certificates.problem);
    state.checks.push(() => firstStart.problems);
    const banner = new ConsoleBanner(this.#environment, state, monitor, accessStore, certificates);
    const factoryReset = async (): Promise<void> => {
      await configuration.reset();
      // The users first: nobody opens a session after theirs were closed. They go even if the disk does not take it.
      await access.store.forget().finally(() => access.sessions.closeAll());
      await history.forget();
      logFile.forget();
      // The next owner's key is not one that the last owner may have a copy of.
      await certificates.regenerate(state.config.config.hostname);
      // Once the machine has left the last owner's configuration: nothing of it is made again then.
      const forgotten = configuration.activated.then(() => this.#environment.executor.forget());
      forgotten.catch((error: unknown) => log.error({ problem: toProblem(error) }, "leases and keys were not removed"));
      await Promise.race([forgotten, new Promise<void>((resolve) => clock.after(RESET_PATIENCE_MS, resolve))]);
    };
    const updates = new Updates({
      environment: this.#environment,
      state,
      monitor,
      keepConfiguration: () => configuration.keepBeforeUpdate(),
      tell: (event) => telemetry.tell(event),
      log: log.child({ module: "update" }),
    });
    const fleet = new Fleet({
      environment: this.#environment,
      state,
      updates,
      log: log.child({ module: "fleet" }),
    });
    const panel = new Panel({ environment: this.#environment, state, monitor, factoryReset });
    const diagnosis = new Diagnosis(this.#environment, state, monitor);
    const environment = this.#environment;
    const secrets = () => [...configuration.secretValues, ...certificates.secrets, access.store.setupToken ?? ""];
    const parts = { environment, state, monitor, configuration, diagnosis, logs, secrets };
    const support = () => makeSupportArchive(parts);
    const more = [
      ...metricsRoutes(monitor),
      ...diagnosisRoutes(diagnosis),
      ...telemetryRoutes(state, telemetry, clock),
      ...resetRoutes(this.#environment, state, monitor),
      ...networkRoutes(this.#environment, state, monitor),
      ...updateRoutes(updates),
      ...adapterRoutes(adapters, panel),
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
      ready: () => environment.executor.ready(),
      more,
    });
    this.#web = web;
    configuration.start({
      activate: (config, tried) => this.#activate(config, tried, bringUp, web),
      check: async (config) => [...(await web.takenPorts(config)), ...(await bringUp.misfits(config))],
      preview: (config) => bringUp.preview(config),
    });
    state.events.on("transaction", ({ state: progress }) => {
      if (progress === "applying") this.#firewallChanges = bringUp.firewallChanges;
    });
    this.#running.push(
      logFile,
      history,
      captures,
      adapters,
      monitor,
      bringUp,
      configuration,
      web,
      syslog,
      telemetry,
      updates,
      fleet,
    );
    this.#running.push(firstStart, banner, diagnosis, panel);
    syslog.start();
    history.start();

    await Promise.all([monitor.start(), updates.start()]);
    fleet.start(); // it needs to know what runs
    firstStart.start(state.events);
    diagnosis.start();
    panel.start();
    await banner.start();
    // The page is there first, then the machine is brought up. The gateway forwards without its page, too.
    await web.start();
    await bringUp.start();
    adapters.start(); // one that is there has the machine looked at again
    await telemetry.start();
  }

  async stop(): Promise<void> {
    for (const module of this.#running.reverse()) await module.stop();
    this.#running = [];
  }

  /** Makes a configuration hold that differs from the one before. */
  async #activate(config: Config, tried: boolean, bringUp: BringUp, web: Web): Promise<Problem[]> {
    const problems: Problem[] = [];
    await web.configure(config).catch((error: unknown) => problems.push(toProblem(error)));
    problems.push(...(await bringUp.reconcile()));
    // The firewall lets pass what is established: who is shut out now must not confirm that over an old connection.
    if (tried && bringUp.firewallChanges !== this.#firewallChanges) web.disconnect();
    return problems;
  }

  #report(opened: Opened): void {
    const { log } = this.#environment;
    for (const error of opened.loaded.errors) log.error({ error }, "configuration");
    if (opened.loaded.source === "defaults") log.warn("running with defaults");
  }
}

function watchAdapters(environment: ServiceEnvironment, state: GatewayState, onPlugged: () => void): AdapterWatch {
  const { paths, clock, random, openPort: open } = environment;
  return new AdapterWatch(
    { sys: paths.sys, dev: paths.dev, clock, random, open, readImage: () => readImage(paths.adapterImage) },
    () => state.config.config,
    onPlugged,
  );
}

async function readVersion(path: string): Promise<Version> {
  const value = await readJson(path);
  const field = (name: string): string => {
    const text = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    return typeof text === "string" ? text : "unknown";
  };
  return { version: field("version"), commit: field("commit") };
}
