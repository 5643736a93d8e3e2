// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the machine match its configuration, and keeps it so: look, plan, have the plan carried out, look again. Every
 * operation is idempotent, so a repetition heals what was lost (a killed dnsmasq, an adapter that came late) and
 * touches nothing else.
 */
import { join } from "node:path";
import type { ConfigError } from "../api/status.ts";
import type { Config } from "../config/types.ts";
import { readUptime } from "../observe/files.ts";
import { askIp, parseAddresses, parseRoutes } from "../observe/ipJson.ts";
import { Sysfs } from "../observe/sysfs.ts";
import { buildPlan, type Planned } from "../plan/buildPlan.ts";
import { type Bindings, bindInitiators } from "../plan/initiators.ts";
import { findLan, lanFace } from "../plan/lan.ts";
import { misfits } from "../plan/misfits.ts";
import type { Observed } from "../plan/observed.ts";
import { type GroupResult, type Operation, withoutPasswords } from "../protocol/operations.ts";
import { Backoff } from "../shared/backoff.ts";
import type { Cancel } from "../shared/clock.ts";
import { readJson, readKeptJson, writeDurably } from "../shared/durable.ts";
import { type Problem, toProblem } from "../shared/errors.ts";
import { createIdentity, readIdentity, writeIdentity } from "../shared/identity.ts";
import { canonical, isObject } from "../shared/json.ts";
import type { Part } from "./environment.ts";
import type { GatewayState } from "./gatewayState.ts";

type Environment = Part<"guest" | "clock" | "random" | "run" | "log", "sys" | "proc" | "data" | "run", "apply">;

/** Between two looks when all is well, milliseconds. */
const CALM_INTERVAL_MS = 10_000;
/** Between two looks while something is missing. */
const EAGER = { firstMs: 1000, longestMs: CALM_INTERVAL_MS };
/**
 * How long after start the LAN may take to show an interface, or to get an address, before things go on without,
 * milliseconds.
 */
const LAN_PATIENCE_MS = 20_000;

/** In the data folder: the addresses that were chosen for segments. */
const ADDRESSES_FILE = "addresses.json";
/** In the data folder: which station an initiator's settings are for. */
export const BINDINGS_FILE = "initiators.json";
/** In /run/scsigate/service, which lives as long as the machine runs. */
const READY_FILE = "ready";

export class BringUp {
  readonly #environment: Environment;
  readonly #state: GatewayState;
  readonly #backoff = new Backoff(EAGER);
  #sysfs: Sysfs | undefined;
  #remembered: Record<string, string> = {};
  /** What could not be read. */
  readonly #unread = new Set<string>();
  #startedAt = 0;
  #cancel: Cancel | undefined;
  #stopped = false;
  #firewallChanges = 0;
  #running: Promise<void> = Promise.resolve();

  constructor(environment: Environment, state: GatewayState) {
    this.#environment = environment;
    this.#state = state;
  }

  async start(): Promise<void> {
    const { clock, paths } = this.#environment;
    this.#sysfs = new Sysfs(paths.sys);
    this.#startedAt = clock.monotonic();
    this.#state.identity = await this.#kept("identity", () => readIdentity(paths.data));
    this.#remembered = asAddresses(await this.#kept(ADDRESSES_FILE, readAt(paths.data, ADDRESSES_FILE)));
    this.#state.bindings = asBindings(await this.#kept(BINDINGS_FILE, readAt(paths.data, BINDINGS_FILE)));
    if (this.#state.identity !== undefined) this.#state.events.tell("identity");
    void this.#next();
  }

  /** What cannot be read is there nevertheless: it is done without, and not written over. */
  async #kept<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#unread.add(what);
      this.#environment.log.error({ what, error: String(error) }, "not readable: what is used instead is not kept");
      return undefined;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Makes the machine match at once. Resolves when the plan was carried out, with what stands in the way. */
  async reconcile(): Promise<Problem[]> {
    this.#cancel?.();
    this.#backoff.reset();
    await this.#next();
    return this.#state.problems;
  }

  /** Grows whenever the firewall's rules became other ones. */
  get firewallChanges(): number {
    return this.#firewallChanges;
  }

  /** What the executor would do for another configuration that it does not do for the present one. */
  async preview(config: Config): Promise<Operation[]> {
    const present = await this.#operations(this.#state.config.config);
    const done = new Set(present.map(canonical));
    const wanted = (await this.#operations(config)).filter((operation) => !done.has(canonical(operation)));
    return wanted.map(withoutPasswords);
  }

  /** What of another configuration's segments does not fit the LAN as it is now. */
  async misfits(config: Config): Promise<ConfigError[]> {
    const present = this.#state.config.config;
    return misfits(config, present, await this.#observe(present), this.#state.identity, this.#remembered);
  }

  async #operations(config: Config): Promise<Operation[]> {
    const observed = await this.#observe(config);
    const { plan } = buildPlan(config, observed, this.#state.identity, this.#remembered, this.#tidy);
    return plan.groups.flatMap((group) => group.operations);
  }

  /** One round after the one that may be under way. */
  #next(): Promise<void> {
    this.#running = this.#running.then(() => this.#loop());
    return this.#running;
  }

  async #loop(): Promise<void> {
    if (this.#stopped) return;
    this.#cancel?.();
    let calm = false;
    try {
      calm = await this.#round();
    } catch (error) {
      this.#state.problems = [toProblem(error)];
      this.#environment.log.error({ problem: toProblem(error) }, "bring-up failed");
    }
    if (this.#stopped) return;
    if (calm) this.#backoff.reset();
    const wait = calm ? CALM_INTERVAL_MS : this.#backoff.next();
    this.#cancel = this.#environment.clock.after(wait, () => void this.#next());
  }

  /** @returns whether everything is as configured. */
  async #round(): Promise<boolean> {
    const { config } = this.#state.config;
    await this.bind();
    const observed = await this.#observe(config);
    await this.#ensureIdentity(observed);
    const planned = buildPlan(config, observed, this.#state.identity, this.#remembered, this.#tidy);
    const results = await this.#environment.executor.apply(planned.plan);
    await this.#remember(planned);
    const problems = [...planned.problems, ...failures(results)];
    this.#state.lan = planned.lan;
    const firewall = results.find(({ name }) => name === "firewall");
    this.#state.firewallProblem = firewall?.failure?.problem;
    this.#firewallChanges += firewall?.changed ?? 0;
    this.#report(problems);
    const complete = planned.waiting.length === 0 && this.#state.identity !== undefined;
    if (complete && forwards(config, planned, results)) await this.#ready();
    this.#state.settled = this.#state.settled || complete;
    return complete && problems.length === 0 && observed.lanSettled;
  }

  /** How long after its start the machine forwarded. A service that starts anew finds what the first one has seen. */
  async #ready(): Promise<void> {
    const { paths, log } = this.#environment;
    if (this.#state.readyAfterSeconds !== undefined) return;
    const file = join(paths.run, READY_FILE);
    const seen = await readJson(file);
    if (typeof seen === "number") {
      this.#state.readyAfterSeconds = seen;
      return;
    }
    const seconds = readUptime(paths.proc);
    this.#state.readyAfterSeconds = seconds;
    log.info({ readyAfterSeconds: seconds }, "forwarding");
    await writeDurably(file, `${seconds}\n`).catch((error: unknown) => log.warn({ error: String(error) }, READY_FILE));
  }

  async #observe(config: Config): Promise<Observed> {
    const { run } = this.#environment;
    const ethernets = this.#sysfs?.ethernets() ?? [];
    const answers = await askIp(run, "address show", "route show");
    const addresses = parseAddresses(answers);
    const { guest = false } = this.#environment;
    // A guest's LAN may be the host's business altogether.
    const face = lanFace(config, ethernets, guest);
    const hasAddress = (addresses.get(face ?? "") ?? []).some((entry) => entry.family === "inet");
    const routes = parseRoutes(answers);
    const lanSettled = hasAddress || (guest && face === undefined) || this.#impatient();
    const { version } = this.#state.version;
    return { ethernets, addresses, routes, guest, lanSettled, version, bindings: this.#bindingsOf(config) };
  }

  #bindingsOf({ segments }: Config): Bindings {
    const seen = (segment: string) => this.#sysfs?.segment(segment)?.peers ?? [];
    return bindInitiators(segments, seen, this.#state.bindings);
  }

  /**
   * Finds out which stations settings by an initiator's name are for. A host that boots gets its address at once: it is known before it
   * comes. @throws ScsigateError data-unwritable, when they hold until the next start only
   */
  async bind(): Promise<void> {
    const next = this.#bindingsOf(this.#state.config.config);
    if (canonical(next) === canonical(this.#state.bindings)) return;
    this.#state.bindings = next;
    await this.#keep(BINDINGS_FILE, next);
  }

  async #keep(file: string, value: unknown): Promise<void> {
    if (this.#unread.has(file)) return;
    await writeDurably(join(this.#environment.paths.data, file), `${JSON.stringify(value)}\n`);
  }

  /** A gateway that has lost its configuration takes nothing down. */
  get #tidy(): boolean {
    const { source, errors } = this.#state.config;
    return source !== "defaults" || errors.length === 0;
  }

  #impatient(): boolean {
    return this.#environment.clock.monotonic() - this.#startedAt > LAN_PATIENCE_MS;
  }

  /** The identity comes from the LAN interface; a machine that shows none gets a random one, once. */
  async #ensureIdentity(observed: Observed): Promise<void> {
    if (this.#state.identity !== undefined) return;
    const lan = findLan(this.#state.config.config, observed.ethernets);
    if (lan === undefined && !this.#impatient()) return;
    const identity = createIdentity(lan?.address, this.#environment.random);
    this.#state.identity = identity;
    this.#state.events.tell("identity");
    this.#environment.log.info({ id: identity.id, from: lan?.name ?? "random" }, "identity created");
    if (!this.#unread.has("identity")) await writeIdentity(this.#environment.paths.data, identity);
  }

  async #remember(planned: Planned): Promise<void> {
    const next = { ...this.#remembered, ...planned.chosenAddresses };
    if (JSON.stringify(next) === JSON.stringify(this.#remembered)) return;
    this.#remembered = next;
    await this.#keep(ADDRESSES_FILE, next);
  }

  /** Logs what is new and what is over; the state shows what is. */
  #report(problems: Problem[]): void {
    const before = new Set(this.#state.problems.map((problem) => problem.message));
    const now = new Set(problems.map((problem) => problem.message));
    for (const problem of problems) {
      if (!before.has(problem.message)) this.#environment.log.warn({ problem }, "problem");
    }
    for (const problem of this.#state.problems) {
      if (!now.has(problem.message)) this.#environment.log.info({ problem }, "problem solved");
    }
    this.#state.problems = problems;
  }
}

/** Whether everything is there that a packet needs on its way. */
function forwards(config: Config, { lan }: Planned, results: readonly GroupResult[]): boolean {
  const needed = new Set(["system", "firewall", "forwarding", "lan", ...config.segments.map(({ name }) => name)]);
  return lan !== undefined && !results.some(({ name, failure, skipped }) => needed.has(name) && (failure || skipped));
}

function failures(results: readonly GroupResult[]): Problem[] {
  return results.flatMap((result) => (result.failure === undefined ? [] : [result.failure.problem]));
}

function readAt(folder: string, file: string): () => Promise<unknown> {
  return () => readKeptJson(join(folder, file));
}

function asBindings(value: unknown): Bindings {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([segment, bound]) => [segment, asAddresses(bound)]));
}

function asAddresses(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
