// SPDX-License-Identifier: Apache-2.0
import { Duplex, PassThrough } from "node:stream";
import type { AdapterImage } from "../../src/adapter/image.ts";
import type { OpenPort } from "../../src/adapter/port.ts";
import { AdapterWatch } from "../../src/adapter/watch.ts";
import type { Config } from "../../src/config/types.ts";
import { FakeFirmware, slip, Unslip } from "./fakeAdapter.ts";
import { ManualClock } from "./manualClock.ts";
import type { Tree } from "./tree.ts";

/** Adapters on ttyACM0 and ttyACM1, and the service's watch over those that the configuration names. */
export function adapterRig(tree: Tree, config: () => Config, image?: AdapterImage) {
  const clock = new ManualClock();
  const firmware = new Map([
    ["ttyACM0", new FakeFirmware()],
    ["ttyACM1", new FakeFirmware()],
  ]);
  const opened: string[] = [];
  const lines: Duplex[] = [];
  let locked = false;
  let plugged = 0;
  const open: OpenPort = async (path) => {
    if (locked) throw new Error("Error Resource temporarily unavailable Cannot lock port");
    const name = path.replace("/dev/", "");
    opened.push(name);
    const unslip = new Unslip();
    const toHost = new PassThrough();
    const stream = Duplex.from({
      readable: toHost,
      writable: new PassThrough().on("data", (bytes: Buffer) => {
        for (const frame of unslip.take(bytes)) {
          const answer = firmware.get(name)?.answer(frame);
          if (answer !== undefined) toHost.write(slip(answer));
        }
      }),
    });
    stream.on("error", () => undefined);
    lines.push(stream);
    const close = () => {
      stream.destroy();
      firmware.get(name)?.closed();
    };
    return { stream, close };
  };
  const parts = {
    sys: `${tree.root}/sys`,
    dev: "/dev",
    clock,
    random: (bytes: number) => Buffer.alloc(bytes, 9),
    open,
    readImage: () => image,
  };
  const watch = new AdapterWatch(parts, config, () => (plugged += 1));
  watch.start();
  return {
    ...{ clock, watch, opened, lines },
    firmware: firmware.get("ttyACM0") as FakeFirmware,
    second: firmware.get("ttyACM1") as FakeFirmware,
    lock: (on: boolean) => (locked = on),
    plugged: () => plugged,
    state: (name = "seg0") => watch.status(name)?.state,
    problem: (name = "seg0") => watch.status(name)?.problem,
  };
}
