// SPDX-License-Identifier: Apache-2.0
// What the lab does to a VM from outside: its boot menu, QEMU's monitor, its screen.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../src/errors.ts";
import { chooseFromMenu, marked } from "../../src/vm/boot-menu.ts";
import { Monitor } from "../../src/vm/monitor.ts";
import { litLines, readPicture } from "../../src/vm/screen.ts";

const test = suite("a machine from outside");

const TITLES = ["scsigate", "scsigate: forget users", "scsigate: factory reset"];

/** A serial line with a menu that draws all entries anew after each key, twice: firmware and boot loader do. @returns what was started */
async function menu(wanted: string): Promise<string | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "lab-menu-"));
  let started: string | undefined;
  const server = createServer((socket) => {
    let at = 0;
    const draw = (): void => {
      const entries = TITLES.map(
        (title, index) => `\x1b[${index + 4};3H\x1b[7m${index === at ? "*" : " "}${title}   \x1b[m`,
      );
      for (let terminal = 0; terminal < 2; terminal++) for (const entry of entries) socket.write(entry);
    };
    socket.on("data", (keys) => {
      if (keys.toString() === "\r") started = TITLES[at];
      at = Math.min(at + 1, TITLES.length - 1);
      draw();
    });
    draw();
  });
  const path = join(dir, "serial");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await chooseFromMenu(path, wanted);
  } finally {
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true });
  }
  return started;
}

test("an entry is chosen by its title's beginning", async () => {
  assert.is(await menu("scsigate: forget"), "scsigate: forget users");
  assert.is(await menu("scsigate: factory"), "scsigate: factory reset");
});

test("half a title is none", () => {
  assert.is(marked("\x1b[7m*scsigate: for", "scsigate"), undefined);
  assert.is(marked("\x1b[7m*scsigate: forget users ", "scsigate"), undefined);
  assert.is(marked("*scsigate   \x1b[m scsigate: a  *scsigate: forget users  ", "scsigate"), "scsigate: forget users");
});

test("the monitor tells events, and which answer is whose", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const events: string[] = [];
  const monitor = new Monitor(input, output, (event) => events.push(event));
  const [good, bad, never] = ["good", "bad", "never"].map((name) => monitor.execute(name));
  output.write('{"QMP":{}}\r\n{"return":{},"id":1}\r\n{"event":"WATCH');
  output.write('DOG","data":{}}\r\n{"error":{"class":"GenericError","desc":"no"},"id":3}\r\n{"return":{},"id":2}\r\n');
  await good;
  assert.match(String(await bad?.catch(messageOf)), "QEMU refuses: no");
  assert.equal(events, ["WATCHDOG"]);
  output.destroy();
  assert.match(String(await never?.catch(messageOf)), "QEMU ended");
});

test("a picture's lines of text", () => {
  const pixels = Buffer.alloc(4 * 6 * 3);
  pixels[4 * 3 * 3] = 1; // the fourth row of pixels is in the second line
  const picture = readPicture(Buffer.concat([Buffer.from("P6\n4 6\n255\n"), pixels]));
  assert.equal(litLines(picture, 3), [false, true, false]);
  assert.throws(() => readPicture(Buffer.from("PNG")), "not a picture");
});

test.run();
