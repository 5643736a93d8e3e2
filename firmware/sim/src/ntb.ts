// SPDX-License-Identifier: Apache-2.0
// CDC-NCM's blocks, as a host makes and reads them.

const HEADER = 12;

export function makeNtb(frames: readonly Uint8Array[]): Uint8Array {
  const table = 8 + 4 * (frames.length + 1);
  let at = HEADER + table;
  const places = frames.map((frame) => {
    const place = Math.ceil(at / 4) * 4;
    at = place + frame.length;
    return place;
  });
  const out = Buffer.alloc(at);
  out.write("NCMH", 0);
  out.writeUInt16LE(HEADER, 4);
  out.writeUInt16LE(at, 8);
  out.writeUInt16LE(HEADER, 10);
  out.write("NCM0", HEADER);
  out.writeUInt16LE(table, HEADER + 4);
  for (const [index, frame] of frames.entries()) {
    const place = places[index] ?? 0;
    out.writeUInt16LE(place, HEADER + 8 + 4 * index);
    out.writeUInt16LE(frame.length, HEADER + 10 + 4 * index);
    out.set(frame, place);
  }
  return out;
}

export function readNtb(block: Uint8Array): Uint8Array[] {
  const view = Buffer.from(block);
  if (view.toString("latin1", 0, 4) !== "NCMH") throw new Error("this is no NTB16");
  if (view.readUInt16LE(8) !== block.length) throw new Error("the block has another length than it says");
  const frames: Uint8Array[] = [];
  for (let at = view.readUInt16LE(10) + 8; ; at += 4) {
    const place = view.readUInt16LE(at);
    const length = view.readUInt16LE(at + 2);
    if (place === 0) return frames;
    frames.push(block.slice(place, place + length));
  }
}
