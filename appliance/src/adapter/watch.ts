// SPDX-License-Identifier: Apache-2.0
/** The adapters that segments are configured to use: asked every few seconds, and shown as the driver shows a segment. */
import type { AdapterUpdate, BusStatus, StationCounters } from "../api/status.ts";
import type { AdapterFabric, Config } from "../config/types.ts";
import type { LinkReading, PeerReading, SegmentReading } from "../observe/sysfs.ts";
import type { Cancel } from "../shared/clock.ts";
import { Adapter, type AdapterParts, type AdapterStation } from "./adapter.ts";
import type { AdapterImage } from "./image.ts";

const INTERVAL_MS = 2000;

export interface WatchParts extends Omit<AdapterParts, "serial" | "wanted" | "image"> {
  /** The program that came with this gateway. */
  readImage: () => AdapterImage | undefined;
}

export class AdapterWatch {
  readonly #parts: WatchParts;
  readonly #config: () => Config;
  readonly #onPlugged: () => void;
  /** By serial number. */
  readonly #adapters = new Map<string, Adapter>();
  #cancel: Cancel | undefined;

  /** @param onPlugged one of them has come to USB: its interface is to be made a segment's */
  constructor(parts: WatchParts, config: () => Config, onPlugged: () => void) {
    this.#parts = parts;
    this.#config = config;
    this.#onPlugged = onPlugged;
  }

  start(): void {
    this.#cancel = this.#parts.clock.every(INTERVAL_MS, () => void this.round());
    void this.round();
  }

  stop(): void {
    this.#cancel?.();
    for (const adapter of this.#adapters.values()) adapter.stop();
    this.#adapters.clear();
  }

  /** Resolves when all were asked. */
  async round(): Promise<void> {
    const wanted = new Set(this.#config().segments.flatMap(({ fabric }) => serialOf(fabric) ?? []));
    for (const [serial, adapter] of this.#adapters) {
      if (wanted.has(serial)) continue;
      adapter.stop();
      this.#adapters.delete(serial);
    }
    for (const serial of wanted) {
      if (this.#adapters.has(serial)) continue;
      const image = this.#parts.readImage();
      this.#adapters.set(serial, new Adapter({ ...this.#parts, serial, image, wanted: () => this.#fabric(serial) }));
    }
    await Promise.all(
      [...this.#adapters.values()].map(async (adapter) => {
        const before = adapter.interface;
        await adapter.round();
        if (adapter.interface !== undefined && adapter.interface !== before) this.#onPlugged();
      }),
    );
  }

  /** Null for a segment without an adapter of ours. */
  status(segment: string): BusStatus | null {
    return this.#of(segment)?.status ?? null;
  }

  /** A segment as the driver would show it; its link comes from sysfs. */
  reading(segment: string, link: LinkReading | undefined): SegmentReading | undefined {
    const adapter = this.#of(segment);
    if (adapter === undefined || link === undefined) return undefined;
    return { ...link, mode: "hub", peers: adapter.stations.map(peer).sort(byAddress) };
  }

  /**
   * Begins an update of its firmware.
   * @returns undefined for a segment without an adapter of ours
   * @throws ScsigateError adapter-update-refused
   */
  update(segment: string): AdapterUpdate | undefined {
    return this.#of(segment)?.startUpdate();
  }

  #fabric(serial: string): AdapterFabric | undefined {
    const fabrics = this.#config().segments.map(({ fabric }) => fabric);
    return fabrics.filter((fabric) => fabric.type === "adapter").find((fabric) => fabric.serial === serial);
  }

  #of(segment: string): Adapter | undefined {
    const fabric = this.#config().segments.find(({ name }) => name === segment)?.fabric;
    return this.#adapters.get(serialOf(fabric) ?? "");
  }
}

/** Who is no SCSI ID (firmware/README.md). */
const NEXUSES: Readonly<Record<number, string>> = { 8: "no SCSI ID", 9: "DaynaPORT" };

function serialOf(fabric: Config["segments"][number]["fabric"] | undefined): string | undefined {
  return fabric?.type === "adapter" ? fabric.serial : undefined;
}

function peer({ address, name, up, hello, initiator, waiting, counters }: AdapterStation): PeerReading {
  const total: StationCounters = {
    rx_packets: counters.rxPackets,
    rx_bytes: counters.rxBytes,
    rx_errors: counters.rxMalformed + counters.rxForged + counters.rxTooBig,
    rx_dropped: counters.rxNomem,
    tx_packets: counters.txPackets,
    tx_bytes: counters.txBytes,
    tx_errors: counters.txTooBig + counters.txNoExt,
    tx_dropped: counters.txQueueFull + counters.txPeerDown,
    commands: counters.rxMessages + counters.txMessages + counters.txNull,
  };
  return {
    ...{ address, name, state: up ? "up" : "down", role: "initiator", mode: hello ? "get" : "base" },
    ...{ features: hello ? ["ext", "get"] : [], device: "" },
    nexus: NEXUSES[initiator] ?? `SCSI ID ${initiator}`,
    ...{ inFlight: 0, heldGets: 0, queued: waiting, counters: total },
  };
}

function byAddress(one: PeerReading, other: PeerReading): number {
  return one.address < other.address ? -1 : 1;
}
