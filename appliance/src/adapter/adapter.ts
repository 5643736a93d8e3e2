// SPDX-License-Identifier: Apache-2.0
/**
 * One adapter, by its serial number: looked for on USB, spoken to on its management port, and what it says kept for as long as
 * it is fresh.
 */
import type { AdapterUpdate, BusStatus } from "../api/status.ts";
import type { AdapterFabric } from "../config/types.ts";
import { findAdapter, type UsbAdapter } from "../observe/usbAdapters.ts";
import type { Clock } from "../shared/clock.ts";
import { type Problem, ScsigateError, toProblem } from "../shared/errors.ts";
import type { AdapterImage } from "./image.ts";
import { type LineCounters, ManagementLink, noLineCounters } from "./link.ts";
import { COUNTERS_LIST, REQUESTS, STATION_COUNTERS_LIST, STATIONS, VERSION } from "./messages.ts";
import {
  type BusCounter,
  type Hello,
  parseCounters,
  parseHello,
  parseStation,
  type StationAnswer,
  type StationCounter,
} from "./payloads.ts";
import type { OpenPort } from "./port.ts";
import { hasSettings, withSettings } from "./settings.ts";
import { Totals } from "./totals.ts";
import { UpdateJob } from "./update.ts";

/** Older than that, nothing is shown as if it were so, milliseconds. */
const STALE_MS = 10_000;
/** From a restart that we asked for, or that follows an update, to the next answer, milliseconds. */
const RESTART_MS = 20_000;

/** A station with counters that do not wrap. */
export interface AdapterStation extends Omit<StationAnswer, "counters"> {
  counters: Record<StationCounter, number>;
}

export interface AdapterParts {
  serial: string;
  /** /sys */
  sys: string;
  /** /dev */
  dev: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  open: OpenPort;
  /** What the configuration wants of it now. */
  wanted: () => AdapterFabric | undefined;
  /** The program that came with this gateway. */
  image: AdapterImage | undefined;
}

export class Adapter {
  readonly #parts: AdapterParts;
  readonly #line: LineCounters = noLineCounters();
  readonly #bus = new Totals<BusCounter>(COUNTERS_LIST);
  readonly #ofStations = new Map<number, { address: string; totals: Totals<StationCounter> }>();
  #usb: UsbAdapter | undefined;
  #link: ManagementLink | undefined;
  #tty: string | undefined;
  #hello: Hello | undefined;
  #stations: AdapterStation[] = [];
  /** When all of it was answered last, monotonic milliseconds. */
  #freshAt = Number.NEGATIVE_INFINITY;
  #failure: { state: BusStatus["state"]; problem: Problem } | undefined;
  /** Of the settings, the last that it was asked to keep, and what it was found to have on this line. */
  #asked = "";
  #settled: AdapterFabric | undefined;
  #restartAt = Number.NEGATIVE_INFINITY;
  #update: UpdateJob | undefined;
  #busy = false;
  #stopped = false;

  constructor(parts: AdapterParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
    this.#close();
  }

  /** Name of its network interface, as it was found on USB. */
  get interface(): string | undefined {
    return this.#usb?.interface;
  }

  /** Looks for it and asks it everything; skipped while the round before is not finished. */
  async round(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    try {
      await this.#round();
      this.#failure = undefined;
    } catch (error) {
      // The line is opened anew in the next round: what is stuck may be the line.
      this.#close();
      this.#failure = { state: stateOf(error), problem: toProblem(error) };
      this.#update?.missed(this.#failure.problem);
    } finally {
      this.#busy = false;
    }
  }

  async #round(): Promise<void> {
    const { serial, sys } = this.#parts;
    this.#usb = undefined;
    const usb = findAdapter(sys, serial);
    this.#usb = usb;
    if (usb.tty === undefined) throw noPort(serial);
    if (this.#link !== undefined && this.#tty !== usb.tty) this.#close();
    const link = this.#link ?? (await this.#open(usb.tty));
    if (link === undefined) return;
    const hello = this.#parsed(parseHello(await link.request(REQUESTS.HELLO)));
    checkHello(hello, serial);
    const updates = this.#update?.underWay === true; // a restart for settings would end a trial
    if (!updates && hello.capabilities.includes("SETTINGS") && (await this.#settle(link))) return this.#restarts();
    const bus = this.#parsed(parseCounters(await link.request(REQUESTS.COUNTERS)));
    const stations: StationAnswer[] = [];
    for (let initiator = 0; initiator < STATIONS; initiator++) {
      const answer = await link.request(REQUESTS.STATION, Buffer.from([initiator]));
      stations.push(this.#parsed(parseStation(answer)));
    }
    this.#keep(hello, bus, stations);
    // Last: who sees that an update is done sees what runs now, too.
    if (this.#update?.underWay === true && (await this.#update.step(link))) this.#restarts();
  }

  /**
   * Begins to put the program that came with this gateway onto the adapter.
   * @throws ScsigateError adapter-update-refused
   */
  startUpdate(): AdapterUpdate {
    const refuse = (message: string, nextStep: string): never => {
      throw new ScsigateError("adapter-update-refused", message, nextStep);
    };
    const { image, serial, clock } = this.#parts;
    if (image === undefined)
      return refuse("no firmware came with this gateway", "Update it by its UF2 file (docs/adapter.md).");
    if (this.#update?.underWay === true) return refuse("an update is under way", "Wait until it has ended.");
    if (!this.#fresh) return refuse(`the adapter ${serial} does not answer`, "See what its state on the page says.");
    if (this.#hello?.capabilities.includes("UPDATE") !== true) {
      return refuse("its firmware cannot be updated over USB yet", "Put the UF2 file onto it, once (docs/adapter.md).");
    }
    this.#update = new UpdateJob(image, clock);
    return this.#update.view;
  }

  /**
   * Has it keep the settings that the configuration names. They count from its next start on.
   * @returns whether it restarts for that
   * @throws ScsigateError adapter-refused
   */
  async #settle(link: ManagementLink): Promise<boolean> {
    const wanted = this.#parts.wanted();
    if (wanted === undefined || !hasSettings(wanted) || this.#settled === wanted) return false;
    const present = await link.request(REQUESTS.SETTINGS_GET);
    const settings = this.#parsed(withSettings(present, wanted));
    if (settings.equals(present)) {
      this.#asked = "";
      this.#settled = wanted;
      return false;
    }
    const key = settings.toString("hex");
    if (this.#asked === key) throw settingsLost(this.#parts.serial);
    await link.request(REQUESTS.SETTINGS_SET, settings);
    this.#asked = key;
    await link.request(REQUESTS.RESTART);
    return true;
  }

  #restarts(): void {
    this.#restartAt = this.#parts.clock.monotonic();
    this.#freshAt = Number.NEGATIVE_INFINITY;
    this.#close();
  }

  async #open(tty: string): Promise<ManagementLink | undefined> {
    const { clock, dev, open, random } = this.#parts;
    const path = `${dev}/${tty}`;
    const line = await open(path).catch((error: unknown) => {
      this.#line.openFailures += 1;
      throw cannotOpen(path, error);
    });
    if (this.#stopped) {
      line.close();
      return undefined;
    }
    this.#line.opens += 1;
    this.#tty = tty;
    this.#settled = undefined;
    const link = new ManagementLink({
      ...{ line, clock, counters: this.#line, firstSequence: random(2).readUInt16BE() },
      onClosed: () => {
        if (this.#link === link) this.#link = undefined;
      },
    });
    this.#link = link;
    return link;
  }

  #close(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  #parsed<T>(value: T | undefined): T {
    if (value !== undefined) return value;
    this.#line.badPayload += 1;
    throw new ScsigateError(
      "adapter-wrong",
      `the adapter ${this.#parts.serial} gives answers of another form than this gateway knows`,
      "Put the firmware on it that came with this gateway (docs/adapter.md).",
    );
  }

  #keep(hello: Hello, bus: Record<BusCounter, number>, stations: readonly StationAnswer[]): void {
    // What it counts starts at zero with it.
    if (this.#hello !== undefined && hello.uptimeSeconds < this.#hello.uptimeSeconds) {
      this.#bus.restart();
      this.#ofStations.clear();
    }
    this.#hello = hello;
    this.#bus.add(bus);
    this.#stations = stations.filter(({ known }) => known).map((station) => this.#counted(station));
    this.#freshAt = this.#parts.clock.monotonic();
  }

  #counted(station: StationAnswer): AdapterStation {
    const { initiator, address } = station;
    let entry = this.#ofStations.get(initiator);
    if (entry?.address !== address) {
      entry = { address, totals: new Totals<StationCounter>(STATION_COUNTERS_LIST) };
      this.#ofStations.set(initiator, entry);
    }
    entry.totals.add(station.counters);
    return { ...station, counters: entry.totals.values };
  }

  /** Whether what it said counts still. */
  get #fresh(): boolean {
    return this.#failing === undefined && this.#parts.clock.monotonic() - this.#freshAt < STALE_MS;
  }

  /** One answer that is lost is no silence: what it said before is still fresh. Who restarts is away for a while. */
  get #failing(): { state: BusStatus["state"]; problem: Problem } | undefined {
    const now = this.#parts.clock.monotonic();
    const state = this.#failure?.state;
    const silent = state === "silent";
    const away = silent || state === "absent" || state === "unreachable";
    const expected = (silent && now - this.#freshAt < STALE_MS) || (away && now - this.#restartAt < RESTART_MS);
    return expected ? undefined : this.#failure;
  }

  /** Those that it said not long ago. */
  get stations(): readonly AdapterStation[] {
    return this.#fresh ? this.#stations : [];
  }

  get status(): BusStatus {
    const failing = this.#failing;
    const hello = this.#fresh ? this.#hello : undefined;
    const { serial, image } = this.#parts;
    return {
      serial,
      state: failing?.state ?? (hello === undefined ? "starting" : "working"),
      problem: failing?.problem ?? null,
      interface: this.#usb?.interface ?? null,
      firmware: hello?.firmware ?? null,
      scsiId: hello?.scsiId ?? null,
      uptimeSeconds: hello?.uptimeSeconds ?? null,
      counters: hello === undefined ? null : { ...this.#bus.values },
      line: { ...this.#line },
      offered: hello === undefined || image === undefined || image.firmware === hello.firmware ? null : image.firmware,
      update: this.#update?.view ?? null,
    };
  }
}

function settingsLost(serial: string): ScsigateError {
  return new ScsigateError(
    "adapter-refused",
    `the adapter ${serial} does not keep the settings that it is given`,
    "Correct scsiId, board or daynaport of the segment's fabric, or put newer firmware on it (docs/adapter.md).",
  );
}

function noPort(serial: string): ScsigateError {
  return new ScsigateError(
    "adapter-unreachable",
    `the adapter ${serial} has no management port`,
    "Check that the kernel has the driver cdc_acm; then unplug the adapter and plug it in again.",
  );
}

function cannotOpen(path: string, error: unknown): ScsigateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ScsigateError(
    "adapter-unreachable",
    `the adapter's management port ${path} cannot be opened: ${reason}`,
    "End other programs that use it (ModemManager, a terminal); packets flow without it, its counters are not seen.",
    { cause: error },
  );
}

function checkHello({ version, serial: told, capabilities, firmware }: Hello, serial: string): void {
  if (version < VERSION) {
    throw new ScsigateError(
      "adapter-old",
      `the adapter ${serial} has old firmware (${firmware}), which this gateway does not understand`,
      "Put the firmware on it that came with this gateway (docs/adapter.md).",
    );
  }
  if (version > VERSION) {
    throw new ScsigateError(
      "adapter-wrong",
      `the adapter ${serial} has newer firmware (${firmware}) than this gateway knows`,
      "Update the gateway, or put the firmware on the adapter that came with this gateway (docs/adapter.md).",
    );
  }
  if (told === serial && capabilities.includes("HUB")) return;
  throw new ScsigateError(
    "adapter-wrong",
    told === serial ? `the adapter ${serial} is no hub of a segment` : `the adapter ${serial} calls itself ${told}`,
    "Put the firmware on it that came with this gateway (docs/adapter.md).",
  );
}

const STATES: Partial<Record<Problem["code"], BusStatus["state"]>> = {
  "adapter-absent": "absent",
  "adapter-boot-loader": "boot-loader",
  "adapter-old": "old",
  "adapter-silent": "silent",
  "adapter-unreachable": "unreachable",
};

function stateOf(error: unknown): BusStatus["state"] {
  return (error instanceof ScsigateError ? STATES[error.code] : undefined) ?? "wrong";
}
