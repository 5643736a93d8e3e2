// SPDX-License-Identifier: Apache-2.0
// The disk as its owner has it: the first start, updates, and what goes wrong with them. Each ends in a gateway that works and
// says what happened.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { TreeEntry } from "../src/build/cpio.ts";
import { buildDisk, type Disk } from "../src/build/disk.ts";
import { readFromBoot, writeToBoot } from "../src/build/image.ts";
import { labKernel } from "../src/build/kernel.ts";
import { repoDir } from "../src/paths.ts";
import { api, tried } from "../src/rigs/supervisor.ts";
import { confirmed, fetched, installed, restartedInto, update } from "../src/rigs/updates.ts";
import { WebServer } from "../src/rigs/webServer.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { flashed } from "../src/topologies/image.ts";
import type { Bench } from "../src/vm/bench.ts";
import { diskFile } from "../src/vm/qemu-args.ts";

const INSTALL_TIMEOUT = 300_000;
const OWNER = { name: "owner", password: "correct horse battery" };

interface Images {
  /** The one that is on the disk. */
  readonly first: Disk;
  readonly second: Disk;
  /** Its service ends at once. */
  readonly broken: Disk;
  readonly web: WebServer;
}

let images: Images;

async function makeImages(bench: Bench): Promise<void> {
  const kernel = await labKernel();
  const broken: TreeEntry = {
    kind: "file",
    path: "usr/lib/scsigate/service.js",
    mode: 0o644,
    source: Buffer.from("process.exit(1);\n"),
  };
  const [first, second] = [await buildDisk(kernel), await buildDisk(kernel, { version: "0.2.0", quick: true })];
  const third = await buildDisk(kernel, {
    ...{ version: "0.3.0", quick: true, confirmWithinSeconds: 5 },
    extra: [broken],
  });
  const stranger = strangersBundle(bench.dir);
  images = {
    ...{ first, second, broken: third },
    web: await WebServer.start({
      "/first.raucb": first.bundle,
      "/second.raucb": second.bundle,
      "/broken.raucb": third.bundle,
      "/stranger.raucb": stranger,
    }),
  };
}

/** What somebody else has signed: right in all else. */
function strangersBundle(dir: string): string {
  const keys = join(dir, "stranger");
  execFileSync(join(repoDir, "buildroot/scripts/signing-keys"), [keys], { stdio: "ignore" });
  const content = join(dir, "content");
  mkdirSync(content);
  writeFileSync(join(content, "kernel.vfat"), randomBytes(300_000));
  writeFileSync(join(content, "root.img"), randomBytes(300_000));
  const manifest = [
    ...["[update]", "compatible=scsigate-x86_64-debian", "version=9.9.9", "[bundle]", "format=verity"],
    ...["[image.kernel]", "filename=kernel.vfat", "[image.rootfs]", "filename=root.img", ""],
  ];
  writeFileSync(join(content, "manifest.raucm"), manifest.join("\n"));
  const bundle = join(dir, "stranger.raucb");
  execFileSync("rauc", [`--cert=${keys}/cert.pem`, `--key=${keys}/key.pem`, "bundle", content, bundle], {
    stdio: "ignore",
  });
  rmSync(content, { recursive: true });
  return bundle;
}

const tests = scenario("image", flashed, { prepare: makeImages });

/** A call from outside, over the LAN. */
function outside(port: number, method: string, path: string, body?: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, rejectUnauthorized: false, agent: false };
    const call = request({ ...options, headers: { "Content-Type": "application/json" } }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? 0));
    });
    call.once("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

tests.test(
  "a disk as it was written: its data partition is made, its root cannot be changed, nothing failed",
  async (bench) => {
    const gateway = bench.vm("gateway");
    assert.match(await gateway.ok("cat /proc/cmdline"), /^BOOT_IMAGE=.* scsigate\.slot=A /);
    assert.match(await gateway.ok("grep ' /data ' /proc/mounts"), "/dev/vda6 /data ext4 rw,");
    assert.match(await gateway.ok("grep ' / ' /proc/mounts"), / ro,/);
    assert.is.not((await gateway.run("touch /etc/x")).code, 0);
    const size = Number(await gateway.ok("df -m /data | awk 'END { print $2 }'"));
    assert.ok(size > 300, `/data has ${size} MiB`);
    // Out of tree and unsigned: our own modules, and nothing else.
    assert.is(await gateway.ok("cat /proc/sys/kernel/tainted"), String(2 ** 12 + 2 ** 13));
    assert.is(
      await gateway.ok("cat /sys/module/*/taint | grep -c . || true"),
      await gateway.ok("ls -d /sys/module/ipscsi* | grep -c ."),
    );
    assert.not.match(gateway.console(), /S\d\d[a-z]+: .*(cannot|no module)/);
    assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "flashed");
  },
);

tests.test("the setup token is on the boot partition until somebody owns the gateway", async (bench) => {
  const gateway = bench.vm("gateway");
  const token = await gateway.ok("scsigate setup-token");
  await waitFor("it to be there", async () => (await gateway.ok("cat /boot/setup-token.txt")).includes(token), {
    timeout: 60_000,
  });
  await waitFor("the console to show it", () => gateway.console().includes(token), { timeout: 60_000 });
  const port = bench.ports["https"] ?? 0;
  assert.is(await outside(port, "POST", "/api/v1/setup", { token: "aaaa-bbbb", ...OWNER }), 401);
  assert.is(await outside(port, "POST", "/api/v1/setup", { token, ...OWNER }), 200);
  await waitFor("the file to go", async () => (await gateway.run("test -e /boot/setup-token.txt")).code === 1, {
    timeout: 60_000,
  });
});

tests.test("the image is confirmed when all is as configured; the boot loader knows", async (bench) => {
  const gateway = bench.vm("gateway");
  await confirmed(gateway);
  const state = await gateway.ok("scsigate-boot show");
  for (const line of ["ORDER=A B", "A_OK=1", "A_GOOD=1", "A_TRY="]) assert.ok(state.split("\n").includes(line), state);
});

tests.test("what a setting starts is in the image, and runs as a user of its own: SNMP and LLDP", async (bench) => {
  const gateway = bench.vm("gateway");
  const running = async (): Promise<string[]> => {
    const said = await gateway.ok("ps -o user,args | grep -oE '^(snmp|_lldpd) +(snmpd|lldpd: monitor)' || true");
    return said.split("\n").sort();
  };
  const before = await running();
  await tried(gateway, { "snmp.enabled": "true", "snmp.community": "s3cret", "lldp.enabled": "true" });
  // Both go on in the background: lldpd gets its name there, snmpd its port.
  await waitFor("both to run", async () => (await running()).length === 2, { timeout: 60_000 }).catch(() => undefined);
  assert.match((await running()).join(), /^_lldpd +lldpd: monitor,snmp +snmpd$/);
  await waitFor("snmpd to listen", async () => (await gateway.ok("ss -lnu")).includes(":161 "), { timeout: 60_000 });
  await api(gateway, "POST", "config/rollback", {});
  await waitFor("them to end", async () => (await running()).join() === before.join(), { timeout: 60_000 });
});

tests.test("a bundle that somebody else signed is refused, with that reason", async (bench) => {
  const gateway = bench.vm("gateway");
  const { state, problem } = await fetched(gateway, images.web, "/stranger.raucb");
  assert.equal([state, problem?.code], ["failed", "update-not-trusted"]);
  assert.is((await update(gateway)).image.other.mayStart, false);
});

tests.test("power is cut while an update is written: the image that ran runs again, and it is said", async (bench) => {
  const gateway = bench.vm("gateway");
  assert.is((await fetched(gateway, images.web, "/second.raucb")).state, "ready");
  await api(gateway, "POST", "update/install", { allowDowngrade: false, restart: true });
  await waitFor(
    "the slot to be written",
    async () =>
      (await gateway.run("scsigate-boot get-state B")).stdout === "bad\n" &&
      (await gateway.run("dd if=/dev/vda4 bs=512 count=1 2>/dev/null | grep -q KERNEL")).code === 0,
    {
      timeout: INSTALL_TIMEOUT,
      interval: 50,
    },
  );
  await gateway.kill();
  await gateway.boot();
  const now = await confirmed(gateway);
  assert.is(now.image.running.name, "A");
  assert.is(now.last?.result, "failed");
  assert.is(await outside(bench.ports["https"] ?? 0, "POST", "/api/v1/login", OWNER), 200);
});

tests.test("an update: the other slot starts, is confirmed, and has the same settings", async (bench) => {
  const gateway = bench.vm("gateway");
  await installed(gateway, images.web, "/second.raucb");
  await restartedInto(gateway, "0.2.0");
  const { image, last } = await confirmed(gateway, "0.2.0");
  assert.equal([image.running.name, last?.result], ["B", "confirmed"]);
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "flashed");
  assert.match(await gateway.ok("cat /proc/cmdline"), /scsigate\.slot=B /);
});

tests.test(
  "an update whose service does not start: three starts, then the image before it, which says so",
  async (bench) => {
    const gateway = bench.vm("gateway");
    await installed(gateway, images.web, "/broken.raucb");
    const starts = (): number => gateway.console().split("scsigate: starting slot A").length;
    const before = starts();
    const { image, last } = await restartedInto(gateway, "0.2.0");
    assert.is(starts() - before, 3);
    assert.is(image.running.name, "B");
    assert.equal([last?.result, last?.problem?.code], ["fell-back", "update-fell-back"]);
    assert.match(last?.problem?.message ?? "", "0.3.0");
    await gateway.ok("scsigate update cancel");
  },
);

tests.test("a new root that is damaged: it is not started at all", async (bench) => {
  const gateway = bench.vm("gateway");
  await installed(gateway, images.web, "/first.raucb");
  await gateway.ok("dd if=/dev/urandom of=/dev/image/root-a bs=4096 count=64 conv=notrunc 2>/dev/null; sync");
  const { image, last } = await restartedInto(gateway, "0.2.0");
  assert.match(gateway.console(), /scsigate: slot A cannot be started: its root file system is damaged/);
  assert.equal([image.running.name, image.other.mayStart], ["B", false]);
  assert.is(last?.result, "fell-back");
  await gateway.ok("scsigate update cancel");
  // The damage was ours, not the kernel's.
  gateway.expectComplaint(/device-mapper: verity|I\/O error|SQUASHFS error/);
});

tests.test("a file named reset on the boot partition: settings and users are gone, the image stays", async (bench) => {
  const gateway = bench.vm("gateway");
  const disk = diskFile(bench.dir, "gateway");
  await gateway.ok("sync");
  await gateway.kill();
  await writeToBoot(disk, "reset", "");
  // Not the menu's entry for it: what is in the file holds, whichever slot somebody chooses.
  await gateway.bootFromMenu("scsigate: slot B");
  assert.is(await gateway.ok("cat /run/image/slot"), "B");
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "scsigate");
  assert.is((await update(gateway)).image.running.version, "0.2.0");
  const token = await gateway.ok("scsigate setup-token");
  assert.is(await outside(bench.ports["https"] ?? 0, "POST", "/api/v1/login", OWNER), 401);
  await waitFor(
    "the token's file",
    async () => (await gateway.run(`grep -q ${token} /boot/setup-token.txt`)).code === 0,
    { timeout: 60_000 },
  );
  await gateway.kill();
  assert.is(await readFromBoot(disk, "reset"), undefined);
  await images.web.stop();
});

tests.run();
