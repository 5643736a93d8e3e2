// SPDX-License-Identifier: Apache-2.0
// The framing between host and lab-agent; lab/agent/lab-agent.c has the other side and describes it.

export const AGENT_MAGIC = "\nscsigate-lab-agent\n";
/** Longest payload in either direction, as in lab-agent.c. */
export const MAX_FRAME = 1024 * 1024;
const HEADER = 9;

/** Ids are below 2^24: a frame never begins with the first byte of the magic. */
export interface Frame {
  readonly id: number;
  readonly type: string;
  readonly payload: Buffer;
}

export function encodeFrame(frame: Frame): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(frame.id, 0);
  header.write(frame.type, 4, 1, "latin1");
  header.writeUInt32BE(frame.payload.length, 5);
  return Buffer.concat([header, frame.payload]);
}

/** Cuts a byte stream into frames. Until the magic has been seen everything is thrown away: it is of an earlier session. */
export class FrameParser {
  #buffer: Buffer = Buffer.alloc(0);
  #synchronized = false;

  /** Forgets all; the next frame is the first behind the next magic. */
  reset(): void {
    this.#buffer = Buffer.alloc(0);
    this.#synchronized = false;
  }

  push(data: Buffer): Frame[] {
    this.#buffer = this.#buffer.length === 0 ? data : Buffer.concat([this.#buffer, data]);
    const frames: Frame[] = [];
    for (;;) {
      if (!this.#synchronized) {
        const at = this.#buffer.indexOf(AGENT_MAGIC);
        if (at < 0) {
          this.#buffer = this.#buffer.subarray(Math.max(0, this.#buffer.length - AGENT_MAGIC.length + 1));
          return frames;
        }
        this.#buffer = this.#buffer.subarray(at + AGENT_MAGIC.length);
        this.#synchronized = true;
      }
      // A greeting that was answered late puts a second magic between two frames.
      if (this.#buffer.length > 0 && this.#buffer[0] === AGENT_MAGIC.charCodeAt(0)) {
        if (this.#buffer.length < AGENT_MAGIC.length) return frames;
        if (this.#buffer.indexOf(AGENT_MAGIC) === 0) {
          this.#buffer = this.#buffer.subarray(AGENT_MAGIC.length);
          continue;
        }
      }
      if (this.#buffer.length < HEADER) return frames;
      const length = this.#buffer.readUInt32BE(5);
      if (length > MAX_FRAME) {
        this.reset();
        return frames;
      }
      if (this.#buffer.length < HEADER + length) return frames;
      frames.push({
        id: this.#buffer.readUInt32BE(0),
        type: String.fromCharCode(this.#buffer[4] ?? 0),
        payload: Buffer.from(this.#buffer.subarray(HEADER, HEADER + length)),
      });
      this.#buffer = this.#buffer.subarray(HEADER + length);
    }
  }
}
