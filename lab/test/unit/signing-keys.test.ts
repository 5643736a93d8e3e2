// SPDX-License-Identifier: Apache-2.0
// The pair that signs bundles, judged by RAUC itself.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repoDir } from "../../src/paths.ts";

const script = join(repoDir, "buildroot/scripts/signing-keys");
const test = suite<{ dir: string }>("signing-keys");

test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), "scsigate-keys-"));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const withoutOwn = {
  ...process.env,
  SCSIGATE_SIGNING_CERT: undefined,
  SCSIGATE_SIGNING_KEY: undefined,
  SCSIGATE_KEYRING: undefined,
};

function keys(dir: string, env: NodeJS.ProcessEnv = {}): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(script, [dir], { env: { ...withoutOwn, ...env }, encoding: "utf8" });
  return { code: status, stdout, stderr };
}

/** A bundle with one file, signed by the pair in `keyDir`. */
function bundle(dir: string, keyDir: string): string {
  const content = join(dir, "content");
  mkdirSync(content);
  // RAUC refuses bundles that squashfs makes smaller than a page.
  writeFileSync(join(content, "root.img"), randomBytes(16 << 10));
  writeFileSync(
    join(content, "manifest.raucm"),
    "[update]\ncompatible=test\nversion=1\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=root.img\n",
  );
  const file = join(dir, "test.raucb");
  execFileSync(
    "rauc",
    ["bundle", "--cert", join(keyDir, "cert.pem"), "--key", join(keyDir, "key.pem"), content, file],
    { stdio: "pipe" },
  );
  return file;
}

/** What a gateway whose keyring is that of `keyDir` says of a bundle. */
function accepts(dir: string, keyDir: string, file: string): { code: number | null; output: string } {
  const conf = join(dir, "system.conf");
  writeFileSync(
    conf,
    `[system]\ncompatible=test\nbootloader=noop\n[keyring]\npath=${join(keyDir, "keyring.pem")}\ncheck-purpose=codesign\n[slot.rootfs.0]\ndevice=/dev/null\n`,
  );
  const { status, stdout, stderr } = spawnSync("rauc", ["--conf", conf, "info", file], { encoding: "utf8" });
  return { code: status, output: stdout + stderr };
}

test("RAUC takes a bundle of the development pair as code, and the pair is named for what it is", ({ dir }) => {
  const pair = join(dir, "a");
  assert.is(keys(pair).code, 0);
  const { code, output } = accepts(dir, pair, bundle(dir, pair));
  assert.is(code, 0, output);
  assert.match(
    output,
    "Verified inline signature by 'O = scsigate, CN = \"scsigate DEVELOPMENT key, not for release\"'",
  );
});

test("a bundle of another pair is refused, though its subject is the same", ({ dir }) => {
  const [one, other] = [join(dir, "a"), join(dir, "b")];
  assert.is(keys(one).code, 0);
  assert.is(keys(other).code, 0);
  const { code, output } = accepts(dir, one, bundle(dir, other));
  assert.is.not(code, 0);
  assert.match(output, "signature verification failed");
});

test("a pair is made once, for its owner alone to sign with", ({ dir }) => {
  const first = keys(join(dir, "a"));
  assert.match(first.stderr, "made a development pair");
  const before = readFileSync(join(dir, "a/cert.pem"), "utf8");
  const second = keys(join(dir, "a"));
  assert.is(second.stderr, "");
  assert.is(second.stdout, first.stdout);
  assert.match(second.stdout, `cert='${join(dir, "a/cert.pem")}'\n`);
  assert.is(readFileSync(join(dir, "a/cert.pem"), "utf8"), before);
  assert.is(statSync(join(dir, "a/key.pem")).mode & 0o777, 0o600);
});

test("builds side by side get the same pair, and the key fits the certificate", async ({ dir }) => {
  const run = promisify(execFile);
  const runs = await Promise.all([1, 2, 3].map(() => run(script, [join(dir, "a")], { env: withoutOwn })));
  assert.is(runs.filter(({ stderr }) => stderr.includes("made a development pair")).length, 1);
  const pub = (args: string[]): string => execFileSync("openssl", args, { encoding: "utf8" });
  assert.is(
    pub(["pkey", "-in", join(dir, "a/key.pem"), "-pubout"]),
    pub(["x509", "-in", join(dir, "a/cert.pem"), "-noout", "-pubkey"]),
  );
});

test("a release's own keys pass through, also one in a token, and nothing is made", ({ dir }) => {
  const [cert, keyring] = [join(dir, "it's.pem"), join(dir, "ring.pem")];
  for (const file of [cert, keyring]) writeFileSync(file, "");
  const { code, stdout } = keys(join(dir, "none"), {
    SCSIGATE_SIGNING_CERT: cert,
    SCSIGATE_SIGNING_KEY: "pkcs11:token=release;object=scsigate",
    SCSIGATE_KEYRING: keyring,
  });
  assert.is(code, 0);
  const read = execFileSync("sh", ["-c", 'eval "$1"; printf "%s|" "$kind" "$cert" "$key" "$keyring"', "sh", stdout]);
  assert.is(read.toString(), `release|${cert}|pkcs11:token=release;object=scsigate|${keyring}|`);
  assert.throws(() => statSync(join(dir, "none")), /ENOENT/);
});

test("half of a release's keys is refused rather than completed with development ones", ({ dir }) => {
  const half = keys(join(dir, "a"), { SCSIGATE_SIGNING_KEY: "pkcs11:object=x" });
  assert.is(half.code, 1);
  assert.match(half.stderr, "belong together");
  const absent = keys(join(dir, "a"), {
    SCSIGATE_SIGNING_CERT: join(dir, "absent.pem"),
    SCSIGATE_SIGNING_KEY: "pkcs11:object=x",
    SCSIGATE_KEYRING: join(dir, "absent.pem"),
  });
  assert.is(absent.code, 1);
  assert.match(absent.stderr, "absent.pem cannot be read");
});

test.run();
