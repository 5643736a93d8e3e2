// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cpioBytes, mergedPath, normalizeTree, readTree } from "../../src/build/cpio.ts";
import { parsePrintUris, untilWhole } from "../../src/build/debs.ts";
import { parseReadelf } from "../../src/build/elf.ts";
import { hashStrings, hashTree } from "../../src/build/hash.ts";
import { moduleClosure, parseModulesDep } from "../../src/build/kernel.ts";
import { vmlinux } from "../../src/build/vmlinux.ts";

const test = suite("build");

function inTemp(body: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  try {
    body(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A bzImage of two sectors of set-up, with this in it. */
function bzImage(payload: Buffer, { version = 0x20f } = {}): Buffer {
  const image = Buffer.alloc(3 * 512);
  image[0x1f1] = 1;
  image.write("HdrS", 0x202);
  image.writeUInt16LE(version, 0x206);
  image.writeUInt32LE(16, 0x248);
  image.writeUInt32LE(payload.length + 4, 0x24c);
  payload.copy(image, 2 * 512 + 16);
  return image;
}

test("VMs get the kernel that a bzImage carries, and the image where it cannot be unpacked", async () => {
  const dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  try {
    const started = async (name: string, image: Buffer): Promise<string> => {
      const file = join(dir, name);
      writeFileSync(file, image);
      const path = await vmlinux(file);
      const content = readFileSync(path, "latin1");
      if (path === file) return "as it is";
      rmSync(path);
      return content;
    };
    for (const program of ["xz", "zstd"]) {
      const packed = execFileSync(program, ["-c"], {
        input: `a kernel for ${program}`,
        stdio: ["pipe", "pipe", "ignore"],
      });
      assert.is(await started(program, bzImage(packed)), `a kernel for ${program}`);
    }
    const strange = [
      bzImage(Buffer.from("LZO?")),
      bzImage(execFileSync("xz", ["-c"], { input: "" }), { version: 0x207 }),
    ];
    for (const image of [...strange, Buffer.alloc(2000), Buffer.alloc(10)]) {
      assert.is(await started("strange", image), "as it is");
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("what a mirror cut short is asked for again, and given up in words", async () => {
  const dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  const [whole, cut] = [
    { name: "a_1_all.deb", sha: "SHA256:1" },
    { name: "b_1_all.deb", sha: "SHA256:2" },
  ];
  const asked: string[][] = [];
  // As apt-get does: it ends well, and what is not as it should be has another name.
  const mirror =
    (good: number) =>
    async (missing: readonly { name: string }[]): Promise<void> => {
      asked.push(missing.map(({ name }) => name));
      for (const { name } of missing) {
        const damaged = name === cut.name && asked.length < good;
        writeFileSync(join(dir, damaged ? `${name}.FAILED` : name), "");
      }
    };
  try {
    await untilWhole(dir, [whole, cut], mirror(2));
    assert.equal(asked, [[whole.name, cut.name], [cut.name]]);
    rmSync(join(dir, cut.name));
    asked.length = 0;
    await untilWhole(dir, [whole, cut], mirror(9)).then(
      () => assert.unreachable(),
      (error: Error) => assert.match(error.message, /b_1_all\.deb came damaged from the Debian mirror, 3 times/),
    );
    assert.is(asked.length, 3);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a cache key tells lists apart by their parts, not by their text", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (a, b) => {
      const same = a.length === b.length && a.every((part, index) => part === b[index]);
      assert.is(hashStrings(a) === hashStrings(b), same);
    }),
  );
  assert.is.not(hashStrings(["ab"]), hashStrings(["a", "b"]));
});

test("a tree's key follows content, names and execute bits, but not times", () => {
  inTemp((dir) => {
    const file = join(dir, "a");
    writeFileSync(file, "one");
    const key = hashTree(dir);
    utimesSync(file, 1, 1);
    assert.is(hashTree(dir), key);
    chmodSync(file, 0o755);
    const executable = hashTree(dir);
    assert.is.not(executable, key);
    writeFileSync(file, "two");
    assert.is.not(hashTree(dir), executable);
    assert.is(
      hashTree(dir, (path) => path === "a"),
      hashTree(dir, () => true),
    );
  });
});

test("paths go where the guest's merged folders are, links of those names stay", () => {
  assert.is(mergedPath("lib/modules/x"), "usr/lib/modules/x");
  assert.is(mergedPath("sbin/init"), "usr/sbin/init");
  assert.is(mergedPath("lib"), "lib");
  assert.is(mergedPath("libexec/x"), "libexec/x");
});

test("parents come before children and the later of two entries wins", () => {
  const entries = normalizeTree([
    { kind: "file", path: "etc/a/b", mode: 0o644, source: Buffer.from("1") },
    { kind: "file", path: "/etc/a/b", mode: 0o755, source: Buffer.from("2") },
    { kind: "dir", path: "lib", mode: 0o755 },
  ]);
  assert.equal(
    entries.map((entry) => entry.path),
    ["etc", "etc/a", "etc/a/b"],
  );
  assert.is(entries[2]?.kind === "file" && entries[2].mode, 0o755);
});

test("an archive has the kernel's format: aligned, ended, all of root", () => {
  const name = fc.stringMatching(/^[a-z]{1,12}$/);
  fc.assert(
    fc.property(fc.dictionary(name, fc.uint8Array({ maxLength: 40 })), (files) => {
      const wanted = Object.entries(files);
      const bytes = cpioBytes(
        wanted.map(([path, data]) => ({ kind: "file", path, mode: 0o644, source: Buffer.from(data) })),
      );
      assert.is(bytes.length % 512, 0);
      const found = new Map<string, Buffer>();
      for (let at = 0; ; ) {
        assert.is(bytes.toString("latin1", at, at + 6), "070701");
        const field = (index: number): number =>
          Number.parseInt(bytes.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
        const [uid, gid, size, nameSize] = [field(2), field(3), field(6), field(11)];
        const path = bytes.toString("utf8", at + 110, at + 110 + nameSize - 1);
        const data = (at + 110 + nameSize + 3) & ~3;
        if (path === "TRAILER!!!") break;
        assert.equal([uid, gid], [0, 0]);
        if (path === ".") assert.is(field(1), 0o040755, "the root folder is for root to write");
        found.set(path, bytes.subarray(data, data + size));
        at = (data + size + 3) & ~3;
      }
      assert.is(found.size, 1 + wanted.length);
      for (const [path, data] of wanted) assert.ok(found.get(path)?.equals(Buffer.from(data)));
    }),
  );
});

test("a folder of the host becomes entries with its links and execute bits", () => {
  inTemp((dir) => {
    mkdirSync(join(dir, "bin"));
    writeFileSync(join(dir, "bin/run"), "#!/bin/sh\n");
    chmodSync(join(dir, "bin/run"), 0o700);
    symlinkSync("run", join(dir, "bin/alias"));
    assert.equal(
      readTree(dir).map((entry) => [entry.kind, entry.path, entry.kind === "file" ? entry.mode : 0]),
      [
        ["dir", "bin", 0],
        ["link", "bin/alias", 0],
        ["file", "bin/run", 0o755],
      ],
    );
  });
});

test("a module brings those that it needs, however its name is spelt", () => {
  const dep = parseModulesDep(
    "kernel/a/virtio-rng.ko: kernel/b/virtio.ko kernel/b/virtio_ring.ko\nkernel/b/virtio.ko:\nkernel/c/other.ko:\n",
  );
  assert.equal(moduleClosure(dep, ["virtio_rng", "not_there"]), [
    "kernel/a/virtio-rng.ko",
    "kernel/b/virtio.ko",
    "kernel/b/virtio_ring.ko",
  ]);
});

test("the programs' needs are read from readelf", () => {
  const own = execFileSync("readelf", ["-d", "-l", "-W", process.execPath]).toString();
  const needs = parseReadelf(own);
  assert.ok(needs.includes("libc.so.6"), needs.join());
  assert.ok(needs.some((name) => name.startsWith("ld-linux")));
});

test("what apt would download is read from its own list", () => {
  const line = "'http://mirror.invalid/pool/x/busybox_1%3a1.35_amd64.deb' busybox_1%3a1.35_amd64.deb 928188 SHA256:abc";
  assert.equal(parsePrintUris(`Get:1\n${line}\n`), [{ name: "busybox_1%3a1.35_amd64.deb", sha: "SHA256:abc" }]);
});

test("the package list names each package once, with a reason", () => {
  const list = readFileSync(new URL("../../host/packages.list", import.meta.url), "utf8");
  const lines = list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of lines) assert.match(line, /^[a-z0-9.+-]+ +# \S/);
  const names = lines.map((line) => line.split(" ")[0]);
  assert.is(new Set(names).size, names.length);
});

test.run();
