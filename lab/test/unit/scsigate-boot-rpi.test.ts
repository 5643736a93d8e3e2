// SPDX-License-Identifier: Apache-2.0
// scsigate-boot with a Raspberry Pi's boot loader, which knows a default, one start on trial, and no count. The boot loader here is a
// stand-in that reads autoboot.txt as the documentation says; the machine's restarts are its starts.
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { overlayDir } from "../../src/paths.ts";

const PROGRAM = join(overlayDir, "usr/sbin/scsigate-boot");
const NEW_DISK = ["ORDER=A B", "A_OK=1", "A_GOOD=0", "A_TRY=", "B_OK=0", "B_GOOD=0", "B_TRY="];
/** Partitions with kernel-a and kernel-b (genimage.cfg). */
const KERNELS: Readonly<Record<number, string>> = { 2: "A", 3: "B" };
/** Sections and names that the boot loader takes; 512 bytes at most. */
const FILTERS = ["all", "tryboot"];

interface Options {
  /** Partitions whose kernel cannot be read. */
  unreadable?: number[];
  /** The boot loader does not heed the wish for a trial. */
  old?: boolean;
}

class Pi {
  readonly dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  readonly boot = join(this.dir, "boot");
  readonly autoboot = join(this.boot, "autoboot.txt");
  readonly #told = join(this.dir, "told");
  readonly #wish = join(this.dir, "wish");
  #slot = "";
  /** Slots that the boot loader has started, those in between that only sent the machine on in small letters. */
  starts = "";

  constructor() {
    mkdirSync(this.boot);
    mkdirSync(this.#told);
    const restart = join(this.dir, "restart");
    writeFileSync(restart, `#!/bin/sh\nprintf %s "$1" >${this.#wish}\n`, { mode: 0o755 });
    this.run("reset");
  }

  run(...args: string[]): { code: number | null; out: string; err: string } {
    const env = {
      ...{ ...process.env, SCSIGATE_BOOT: this.boot, SCSIGATE_BOOT_NEW: join(this.dir, "new") },
      ...{ SCSIGATE_BOOT_TOLD: this.#told, SCSIGATE_BOOT_SLOT: join(this.dir, "slot") },
      SCSIGATE_BOOT_RESTART: join(this.dir, "restart"),
    };
    const { status, stdout, stderr } = spawnSync("busybox", ["sh", PROGRAM, ...args], { env, encoding: "utf8" });
    return { code: status, out: stdout.trim(), err: stderr.trim() };
  }

  /** What the boot loader makes of the file. */
  partitions(): { plain: number; trial: number } {
    const text = readFileSync(this.autoboot, "utf8");
    assert.ok(text.length <= 512, "the boot loader reads 512 bytes");
    let [filter, plain, trial, withPartitions] = ["all", 0, 0, false];
    for (const line of text.split("\n").filter((line) => !line.startsWith("#") && line !== "")) {
      const [, section] = /^\[(\w+)\]$/.exec(line) ?? [];
      const [, name, value] = /^(\w+)=(\d+)$/.exec(line) ?? [];
      if (section !== undefined) {
        assert.ok(FILTERS.includes(section), line);
        filter = section;
      } else if (name === "tryboot_a_b") withPartitions = value === "1";
      else if (name === "boot_partition" && filter === "all") plain = Number(value);
      else if (name === "boot_partition") trial = Number(value);
      else assert.unreachable(`the boot loader does not know "${line}"`);
    }
    assert.ok(withPartitions);
    return { plain, trial };
  }

  /** Power on, a reset, or "reboot": until a slot goes on. */
  start({ unreadable = [], old = false }: Options = {}): string {
    let wish = "";
    for (let restarts = 0; restarts < 10; restarts++) {
      const tryboot = wish === "0 tryboot" && !old;
      const { plain, trial } = existsSync(this.autoboot) ? this.partitions() : { plain: 0, trial: 0 };
      // PARTITION_WALK: the next ones, and then from the first
      const from = tryboot ? trial : plain;
      const order = [from, ...[1, 2, 3, 4, 5, 6].map((step) => (from + step) % 7)];
      const partition = order.find((number) => number in KERNELS && !unreadable.includes(number)) ?? 0;
      this.#tell(partition, tryboot);
      this.#slot = this.run("started").out;
      writeFileSync(join(this.dir, "slot"), `${this.#slot}\n`);
      rmSync(this.#wish, { force: true });
      const { out } = this.run("start");
      if (!existsSync(this.#wish)) {
        this.starts += this.#slot;
        return this.#slot;
      }
      assert.match(out, /slot [AB] is tried: restarting into it/);
      this.starts += this.#slot.toLowerCase();
      wish = readFileSync(this.#wish, "utf8");
    }
    throw new Error(`the machine restarts without an end: ${this.starts}`);
  }

  /** As the device tree has it: 32 bits, big endian. */
  #tell(partition: number, tryboot: boolean): void {
    writeFileSync(join(this.#told, "partition"), Buffer.from([0, 0, 0, partition]));
    writeFileSync(join(this.#told, "tryboot"), Buffer.from([0, 0, 0, tryboot ? 1 : 0]));
  }

  confirm(): void {
    assert.is(this.run("set-state", this.#slot, "good").code, 0);
  }

  /** As RAUC does, from the slot that runs. */
  install(slot: string): void {
    assert.is(this.run("set-state", slot, "bad").code, 0);
    assert.is(this.run("set-primary", slot).code, 0);
  }

  show(): string[] {
    return this.run("show").out.split("\n");
  }
}

const test = suite<{ pi: Pi }>("scsigate-boot on a Raspberry Pi");
test.before.each((context) => {
  context.pi = new Pi();
});
test.after.each(({ pi }) => rmSync(pi.dir, { recursive: true }));

test("a new disk: A is started, B is the other one", ({ pi }) => {
  assert.equal(pi.show(), NEW_DISK);
  assert.equal(pi.partitions(), { plain: 2, trial: 3 });
  assert.is(pi.start(), "A");
  assert.is(pi.run("get-current").out, "A");
  assert.ok(pi.show().includes("A_TRY=x"));
  pi.confirm();
  assert.equal(pi.show().slice(1, 4), ["A_OK=1", "A_GOOD=1", "A_TRY="]);
});

test("an update that runs well: on trial once, then the default", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  assert.is(pi.run("get-primary").out, "B");
  assert.equal(pi.partitions(), { plain: 2, trial: 3 }); // whatever happens now, A is what comes back
  assert.is(pi.start(), "B");
  assert.equal(pi.partitions(), { plain: 2, trial: 3 });
  assert.ok(pi.show().includes("B_TRY=x"));
  pi.confirm();
  assert.equal(pi.partitions(), { plain: 3, trial: 2 });
  assert.is(pi.start(), "B");
  assert.is(pi.starts, "AaBB");
});

test("an update that is never confirmed: three starts, then the old slot again, for good", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  for (const slot of ["B", "B", "B", "A", "A"]) {
    assert.is(pi.start(), slot);
    if (slot === "A") pi.confirm();
  }
  assert.is(pi.starts, "AaBaBaBAA");
  assert.is(pi.run("get-state", "B").out, "good"); // it may be chosen again
  assert.ok(pi.show().includes("B_TRY=xxx"));
});

test("a slot whose initramfs gives up is not tried again", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  assert.is(pi.start(), "B");
  pi.run("set-state", "B", "bad");
  assert.is(pi.start(), "A");
  assert.is(pi.run("get-primary").out, "A");
});

test("the default whose root is damaged gives way at once to the one beside it", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  pi.start();
  pi.confirm();
  pi.run("set-state", "B", "bad"); // by its initramfs
  assert.equal(pi.partitions(), { plain: 2, trial: 3 });
  assert.is(pi.start(), "A");
});

test("going back to a slot that has run well needs no trial; given up after ten starts", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  pi.start();
  pi.confirm();
  pi.run("set-primary", "A");
  assert.equal(pi.partitions(), { plain: 2, trial: 3 });
  pi.starts = "";
  for (let start = 0; start < 11; start++) pi.start();
  assert.is(pi.starts, "AAAAAAAAAAB");
});

test("where nothing has run well yet, the newer one is started and given up after three starts", ({ pi }) => {
  pi.start();
  pi.install("B");
  pi.starts = "";
  for (let start = 0; start < 4; start++) pi.start();
  assert.is(pi.starts, "BBBA");
});

test("the only slot is never given up", ({ pi }) => {
  for (let start = 0; start < 8; start++) pi.start();
  assert.is(pi.starts, "AAAAAAAA");
});

test("when both were tried often enough, the counting starts anew", ({ pi }) => {
  pi.start();
  pi.install("B");
  for (let start = 0; start < 12; start++) assert.match(pi.start(), /[AB]/);
  assert.is(pi.starts, "ABBBAABBBAAAB");
});

test("a kernel that cannot be read: the boot loader's own next choice goes on, and is not sent away", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  pi.start();
  pi.confirm();
  const before = readFileSync(pi.autoboot, "utf8");
  assert.is(pi.start({ unreadable: [3] }), "A");
  assert.is(readFileSync(pi.autoboot, "utf8"), before);
});

test("a trial whose kernel cannot be read comes back to the slot that sent it", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  pi.starts = "";
  for (let start = 0; start < 4; start++) assert.is(pi.start({ unreadable: [3] }), "A");
  assert.is(pi.starts, "aAaAaAA");
});

test("a boot loader that does not heed the wish ends the update, not the gateway", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  pi.starts = "";
  assert.is(pi.start({ old: true }), "A");
  assert.is(pi.starts, "aaaA");
});

test("where the machine cannot be restarted with a word, the slot goes on and says so", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  const run = pi.run("start"); // the stand-in only writes it down, and returns
  assert.equal([run.code, run.err], [1, "scsigate-boot: the machine cannot be restarted into slot B; slot A goes on"]);
});

test("a power cut anywhere: the file is the old or the new one, and a part of a replacement does not matter", ({
  pi,
}) => {
  pi.start();
  pi.confirm();
  const { ino, size } = statSync(pi.autoboot);
  assert.ok(size <= 512, "more than a sector is not written as a whole");
  pi.install("B");
  assert.equal([statSync(pi.autoboot).ino, statSync(pi.autoboot).size], [ino, size]);
  const { mtimeMs } = statSync(pi.autoboot);
  pi.run("set-state", "A", "good");
  assert.is(statSync(pi.autoboot).mtimeMs, mtimeMs); // nothing to be written
  // While a file of another length is replaced: the new one is half there.
  appendFileSync(pi.autoboot, "boot_partition=9\r\n");
  writeFileSync(`${pi.autoboot}.new`, "[all]\ntryb");
  assert.is(pi.run("get-primary").out, "B");
  pi.run("set-state", "B", "good");
  assert.not.ok(existsSync(`${pi.autoboot}.new`));
  assert.equal([statSync(pi.autoboot).size, pi.partitions()], [size, { plain: 3, trial: 2 }]);
});

test("a lost or damaged file is a new disk's; the first start writes it", ({ pi }) => {
  for (const damage of [
    () => rmSync(pi.autoboot),
    () => truncateSync(pi.autoboot, 0),
    () => writeFileSync(pi.autoboot, "\0".repeat(384)),
    () => writeFileSync(pi.autoboot, "[all]\n#A_OK=$(reboot)\n#ORDER=`id`\n"),
  ]) {
    damage();
    assert.equal(pi.show(), NEW_DISK);
    pi.run("set-state", "A", "good");
    assert.equal(pi.partitions(), { plain: 2, trial: 3 });
  }
  rmSync(pi.autoboot);
  assert.is(pi.start(), "A");
  assert.equal(pi.partitions(), { plain: 2, trial: 3 });
});

test("an edited file with Windows' line ends is read", ({ pi }) => {
  pi.start();
  pi.confirm();
  pi.install("B");
  writeFileSync(pi.autoboot, readFileSync(pi.autoboot, "utf8").replaceAll("\n", "\r\n"));
  assert.is(pi.run("get-primary").out, "B");
});

test("a boot loader that does not say where it started from is named", ({ pi }) => {
  writeFileSync(join(pi.dir, "told/partition"), Buffer.alloc(4));
  const run = pi.run("started");
  assert.is(run.code, 1);
  assert.match(run.err, "does not tell which partition it has started from");
});

test.run();
