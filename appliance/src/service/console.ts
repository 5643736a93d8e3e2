// SPDX-License-Identifier: Apache-2.0
/**
 * What the console shows: who this is, where the page is, the setup token until it was used, and what is missing. A
 * file that scsigate-console prints, and prints again whenever it has changed. It is nowhere else: the log goes to other
 * machines.
 */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LinkStatus, Status } from "../api/status.ts";
import type { Config } from "../config/types.ts";
import type { Problem } from "../shared/errors.ts";
import type { AccessStore } from "./access/accessStore.ts";
import { probeClock } from "./diagnosis/probes.ts";
import type { Part } from "./environment.ts";
import type { GatewayState } from "./gatewayState.ts";
import type { Certificates } from "./http/tls.ts";
import type { Monitor } from "./monitor.ts";
import { pageUrl } from "./pageUrl.ts";

type Environment = Part<"clock" | "run" | "log", "run">;

/** In /run/scsigate/service. */
export const CONSOLE_FILE = "console";
/** At most as often as this it is made anew: a problem that comes and goes is not to fill the screen, milliseconds. */
const CALM_MS = 5000;
/** How often it is asked whether the clock is right, milliseconds. */
const CLOCK_MS = 30_000;
/** More would push the beginning off a screen of 24 lines. */
const MAX_PROBLEMS = 4;

export interface Banner {
  status: Pick<Status, "hostname" | "localUrl" | "version" | "lan" | "storage" | "health" | "pressed">;
  config: Pick<Config, "http">;
  token: string | undefined;
  /** SHA-256; undefined while there is no certificate. */
  fingerprint: string | undefined;
  /** What is missing and no fault: no adapter, no time. */
  notes: readonly Omit<Problem, "code">[];
}

export class ConsoleBanner {
  readonly #environment: Environment;
  readonly #state: GatewayState;
  readonly #monitor: Monitor;
  readonly #access: AccessStore;
  readonly #certificates: Certificates;
  #shown = "";
  #token: string | undefined;
  #notBefore = 0;
  #clockAt = 0;
  /** Whether a time server has set the clock; undefined until it was asked. */
  #timed: boolean | undefined;
  #end: (() => void) | undefined;

  constructor(
    environment: Environment,
    state: GatewayState,
    monitor: Monitor,
    access: AccessStore,
    certificates: Certificates,
  ) {
    this.#environment = environment;
    this.#state = state;
    this.#monitor = monitor;
    this.#access = access;
    this.#certificates = certificates;
  }

  async start(): Promise<void> {
    await this.#update(this.#monitor.status);
    this.#end = this.#state.events.on("status", (status) => void this.#update(status));
  }

  stop(): void {
    this.#end?.();
  }

  async #update(status: Status): Promise<void> {
    const { clock, paths, log } = this.#environment;
    const now = clock.monotonic();
    const token = this.#access.setupToken;
    if (now < this.#notBefore && token === this.#token) return;
    this.#token = token;
    this.#notBefore = now + CALM_MS;
    void this.#askClock(now);
    const text = renderBanner({
      status,
      config: this.#state.config.config,
      token,
      fingerprint: this.#certificates.fingerprint,
      notes: this.#notes(status),
    });
    if (text === this.#shown) return;
    this.#shown = text;
    const file = join(paths.run, CONSOLE_FILE);
    await writeFile(`${file}.new`, text, { mode: 0o600 })
      .then(() => rename(`${file}.new`, file))
      .catch((error: unknown) => log.error({ error: String(error) }, "the console's text cannot be written"));
  }

  async #askClock(now: number): Promise<void> {
    if (this.#timed === true || now < this.#clockAt) return;
    this.#clockAt = now + CLOCK_MS;
    const { keeper, offset } = await probeClock(this.#environment.run);
    this.#timed = !keeper || offset !== null;
  }

  #notes(status: Status): Omit<Problem, "code">[] {
    const notes: Omit<Problem, "code">[] = [];
    const used = this.#state.config.config.segments.some(({ fabric }) => fabric.type !== "none");
    if (this.#state.settled && !used && status.segments.every(({ stations }) => stations.length === 0)) {
      const ports = this.#monitor.targetPorts();
      notes.push(
        ports.length > 0
          ? { message: "nothing exports a segment to hosts yet", nextStep: "Choose a port on the page, under Network." }
          : {
              message: "no SCSI adapter that can be a target was found",
              nextStep: "Check that it is seated and supported (scsigate adapters), or export over iSCSI.",
            },
      );
    }
    if (this.#timed === false) {
      notes.push({
        message: "no time server has answered yet: the clock may be wrong",
        nextStep: "Everything works nevertheless; let it reach one (NTP), or set time.servers.",
      });
    }
    return notes;
  }
}

/** Plain ASCII, at most 79 wide where the words allow it. */
export function renderBanner({ status, config, token, fingerprint, notes }: Banner): string {
  const { httpsPort } = config.http;
  const links = [status.lan, status.storage].filter((link): link is LinkStatus => link !== null);
  const addresses = links.flatMap((link) => link.addresses.map((cidr) => ({ name: link.interface ?? "", cidr })));
  const url = (cidr: string) => pageUrl(cidr.split("/")[0] ?? "", httpsPort);
  const row = (name: string, value: string) => `  ${name.padEnd(13)}${value}`;
  const problems = [...status.health.reasons, ...notes].slice(0, MAX_PROBLEMS);
  const lines = [
    `scsigate ${status.version}, ${status.hostname}`,
    ...(status.pressed ? ["This is the one whose button was pressed."] : []),
    "",
    ...(addresses.length === 0
      ? [row("page", "has no address yet")]
      : [
          ...addresses.map(({ name, cidr }) => row(name, `${cidr.padEnd(20)} ${url(cidr)}`)),
          ...(status.localUrl === null ? [] : [row("by name", status.localUrl)]),
        ]),
    // In two halves: 95 letters are more than a line has.
    ...(fingerprint === undefined
      ? []
      : [row("certificate", `SHA-256 ${fingerprint.slice(0, 47)}`), row("", `        ${fingerprint.slice(48)}`)]),
    "",
    ...(token === undefined
      ? []
      : ["Nobody owns this gateway yet. Open the page in a browser, and give it this", `setup token: ${token}`, ""]),
    ...problems.flatMap(({ message, nextStep }) => [`! ${message}`, `  ${nextStep}`]),
    ...(problems.length === 0 ? [] : [""]),
  ];
  return lines.map((line) => `${line.replaceAll(/[^ -~]/g, "?")}\n`).join("");
}
