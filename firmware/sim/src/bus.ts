// SPDX-License-Identifier: Apache-2.0
// A parallel SCSI bus, open drain, between a target (the board's pins, or one that is played) and an initiator. All lines here are true
// where asserted.

/** SCSI-2 4.7, ns: deskew and cable skew delay. */
export const DESKEW_AND_SKEW = 55;

/** Time on a bus, and who lets it pass. */
export interface Clock {
  readonly ns: number;
  /** Goes on until something holds; throws after so many milliseconds. */
  run(until: () => boolean, limitMs: number, what?: string): void;
}

export type Line = "bsy" | "sel" | "msg" | "cd" | "io" | "req" | "ack" | "atn" | "rst";
export type Lines = Record<Line, boolean> & { data: number };

export const RELEASED: Lines = {
  ...{ bsy: false, sel: false, msg: false, cd: false, io: false },
  ...{ req: false, ack: false, atn: false, rst: false, data: 0 },
};

/** What a target drives. */
export interface Asserted extends Omit<Lines, "ack" | "atn" | "rst"> {
  /** Its data lines and their parity, at all. */
  readonly drivesData: boolean;
}

const NOTHING: Asserted = {
  ...{ bsy: false, sel: false, msg: false, cd: false, io: false, req: false },
  ...{ data: 0, drivesData: false },
};

/** With its parity in bit 8: odd. */
export function withParity(byte: number): number {
  let ones = 0;
  for (let bit = 0; bit < 8; bit++) ones += (byte >> bit) & 1;
  return byte | (ones % 2 === 0 ? 0x100 : 0);
}

export class Bus {
  readonly clock: Clock;
  /** What the initiator drives. */
  readonly driven: Lines = { ...RELEASED };
  /** What is on the bus. */
  readonly lines: Lines = { ...RELEASED };
  /** Called when that may have changed. */
  readonly watchers: (() => void)[] = [];
  /** When C/D, I/O or MSG was last changed, ns. */
  phaseSince = 0;
  /** When the data were last changed, ns. */
  #dataSince = 0;
  #asserted = NOTHING;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** What the target drives. */
  get asserted(): Asserted {
    return this.#asserted;
  }

  /** The target drives this, and nothing else. */
  assert(lines: Partial<Asserted>): void {
    this.#asserted = { ...NOTHING, ...lines };
    this.#update();
  }

  /** The initiator drives this as well from now on. */
  drive(lines: Partial<Lines>): void {
    Object.assign(this.driven, lines);
    this.#update();
  }

  #update(): void {
    const target = this.#asserted;
    const { drivesData } = target;
    // with SEL and I/O it reselects
    if (drivesData && !target.bsy && !(target.sel && target.io))
      throw new Error("the target drives the data without BSY");
    if (drivesData && this.driven.data !== 0 && !this.driven.rst) throw new Error("both ends drive the data");
    const now: Lines = {
      bsy: target.bsy || this.driven.bsy,
      sel: target.sel || this.driven.sel,
      msg: target.msg,
      cd: target.cd,
      io: target.io,
      req: target.req,
      ack: this.driven.ack,
      atn: this.driven.atn,
      rst: this.driven.rst,
      data: target.data | this.driven.data,
    };
    const { lines } = this;
    const { ns } = this.clock;
    if (now.data !== lines.data) {
      if (drivesData && now.req && lines.req && !now.ack && !now.rst) throw new Error("the data change before ACK");
      this.#dataSince = ns;
    }
    if (drivesData && now.req && !lines.req && ns - this.#dataSince < DESKEW_AND_SKEW) {
      throw new Error("REQ too early after the data");
    }
    if (now.msg !== lines.msg || now.cd !== lines.cd || now.io !== lines.io) {
      if (now.req || now.ack) throw new Error("the phase changes while REQ or ACK is asserted");
      this.phaseSince = ns;
    }
    Object.assign(lines, now);
    for (const watcher of this.watchers) watcher();
  }
}
