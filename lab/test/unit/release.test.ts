// SPDX-License-Identifier: Apache-2.0
// `make release` on a small repository of its own, with the commands that build replaced; git, openssl and the signing are real.
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repoDir } from "../../src/paths.ts";

const test = suite<{ repo: string }>("release");

/** Notes what it was called for, and makes what the real targets make. */
const FAKE_MAKE = `#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case $1 in
"$FAKE_FAILS") echo "no $1 today" >&2; exit 2 ;;
disk) mkdir -p build/disk; for name in img.xz img.bmap raucb; do echo $name >build/disk/scsigate-1.2.3-x86_64.$name; done
    echo sums >build/disk/SHA256SUMS ;;
debs) mkdir -p build/debs; echo deb >build/debs/scsigate_1.2.3_amd64.deb ;;
sbom) mkdir -p build/sbom; echo {} >build/sbom/scsigate-1.2.3.cdx.json; echo texts >build/sbom/licences.txt ;;
image) board=\${2#BOARD=}; mkdir -p build/image/$board
    for name in img.xz raucb cdx.json; do echo $board >build/image/$board/scsigate-1.2.3-br-$board.$name; done ;;
esac
`;

function git(repo: string, ...args: string[]): string {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...identity, ...args], { cwd: repo, encoding: "utf8", stdio: "pipe" });
}

test.before.each((context) => {
  const repo = mkdtempSync(join(tmpdir(), "scsigate-release-"));
  context.repo = repo;
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(repo, path)), { recursive: true });
    writeFileSync(join(repo, path), text);
  };
  for (const name of ["release", "signing-keys"]) {
    cpSync(join(repoDir, "buildroot/scripts", name), join(repo, "buildroot/scripts", name), { recursive: true });
  }
  const manifest = `${JSON.stringify({ name: "x", version: "1.2.3", private: true }, undefined, 2)}\n`;
  for (const path of ["package.json", "appliance/package.json"]) write(path, manifest);
  write("kernel/dkms.conf", 'PACKAGE_VERSION="1.2.3"\n');
  write("kernel/ipscsi.h", '#define IPSCSI_DRV_VERSION\t"1.2.3"\n');
  write(
    "CHANGELOG.md",
    "# Changelog\n\n## Unreleased\n\n- later\n\n## [1.2.3] - 2026-12-01\n\n### Added\n- it flies\n\n## 1.2.2\n\n- old\n",
  );
  write(".gitignore", "/build/\n/bin/\n/fake.log\n/keys/\n/br/\n");
  write("bin/make", FAKE_MAKE);
  execFileSync("chmod", ["+x", join(repo, "bin/make")]);
  git(repo, "init", "-q");
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", "first");
});
test.after.each(({ repo }) => rmSync(repo, { recursive: true, force: true }));

interface Outcome {
  code: number | null;
  text: string;
  /** What make was called for. */
  made: string[];
}

function release(repo: string, env: NodeJS.ProcessEnv): Outcome {
  const log = join(repo, "fake.log");
  rmSync(log, { force: true });
  const own = { DEV: undefined, BUILDROOT: undefined, BOARDS: undefined, SCSIGATE_SIGNING_CERT: undefined };
  const { status, stdout, stderr } = spawnSync(join(repo, "buildroot/scripts/release"), [], {
    encoding: "utf8",
    env: {
      ...process.env,
      ...{ ...own, SCSIGATE_SIGNING_KEY: undefined, SCSIGATE_KEYRING: undefined, FAKE_LOG: log },
      PATH: `${join(repo, "bin")}:${process.env["PATH"]}`,
      ...env,
    },
  });
  const made = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  return { code: status, text: stdout + stderr, made };
}

/** A pair as a release has it: not named a development pair. */
function releaseKeys(repo: string): NodeJS.ProcessEnv {
  const dir = join(repo, "keys");
  mkdirSync(dir);
  const [cert, key] = [join(dir, "release.pem"), join(dir, "release-key.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=release", "-addext", "extendedKeyUsage=codeSigning", "-keyout", key, "-out", cert];
  execFileSync("openssl", [...request, ...names], { stdio: "pipe" });
  return { SCSIGATE_SIGNING_CERT: cert, SCSIGATE_SIGNING_KEY: key, SCSIGATE_KEYRING: cert };
}

const out = (repo: string): string => join(repo, "build/release/1.2.3");

test("a release has images, bundle, packages, bill, licences, changes and keyring, with sums that its key has signed", ({
  repo,
}) => {
  const keys = releaseKeys(repo);
  const { code, text, made } = release(repo, keys);
  assert.is(code, 0, text);
  assert.equal(made, ["check", "disk", "debs", "sbom"]);
  assert.equal(readdirSync(out(repo)).sort(), [
    "CHANGES.md",
    "SHA256SUMS",
    "SHA256SUMS.sig",
    "keyring.pem",
    "licences.txt",
    "scsigate-1.2.3-x86_64.img.bmap",
    "scsigate-1.2.3-x86_64.img.xz",
    "scsigate-1.2.3-x86_64.raucb",
    "scsigate-1.2.3.cdx.json",
    "scsigate_1.2.3_amd64.deb",
  ]);
  assert.is(readFileSync(join(out(repo), "CHANGES.md"), "utf8"), "# scsigate 1.2.3\n\n### Added\n- it flies\n");
  execFileSync("sha256sum", ["-c", "--quiet", "--strict", "SHA256SUMS"], { cwd: out(repo), stdio: "pipe" });
  // As docs/flash.md says it is checked.
  const verify = (): number | null =>
    spawnSync(
      "openssl",
      [
        ...["cms", "-verify", "-binary", "-inform", "PEM", "-in", "SHA256SUMS.sig", "-content", "SHA256SUMS"],
        ...["-CAfile", "keyring.pem", "-purpose", "any", "-out", "/dev/null"],
      ],
      { cwd: out(repo) },
    ).status;
  assert.is(verify(), 0);
  appendFileSync(join(out(repo), "SHA256SUMS"), "0  another\n");
  assert.is.not(verify(), 0);
  assert.match(text, "git tag -s v1.2.3");
});

test("with a Buildroot checkout, each board's image is made and taken", ({ repo }) => {
  mkdirSync(join(repo, "br"));
  writeFileSync(join(repo, "br/Makefile"), "");
  const { code, text, made } = release(repo, { DEV: "1", BUILDROOT: join(repo, "br"), BOARDS: "x86_64 rpi5" });
  assert.is(code, 0, text);
  assert.equal(made.slice(4), [
    `image BOARD=x86_64 BUILDROOT=${join(repo, "br")}`,
    `image BOARD=rpi5 BUILDROOT=${join(repo, "br")}`,
  ]);
  for (const board of ["x86_64", "rpi5"]) {
    for (const kind of ["img.xz", "raucb", "cdx.json"]) {
      assert.ok(existsSync(join(out(repo), `scsigate-1.2.3-br-${board}.${kind}`)), `${board} ${kind}`);
    }
  }
  assert.match(release(repo, { DEV: "1", BUILDROOT: join(repo, "absent") }).text, "there is no Buildroot in");
});

test("a rehearsal uses development keys, says so everywhere, and takes what is not released yet as changes", ({
  repo,
}) => {
  const changelog = join(repo, "CHANGELOG.md");
  writeFileSync(changelog, "# Changelog\n\n## Unreleased\n\n- later\n");
  git(repo, "commit", "-qam", "no section");
  const { code, text } = release(repo, { DEV: "1" });
  assert.is(code, 0, text);
  assert.match(text, "not for release");
  assert.ok(existsSync(join(out(repo), "NOT-FOR-RELEASE")));
  assert.match(readFileSync(join(out(repo), "CHANGES.md"), "utf8"), "- later");
  assert.ok(existsSync(join(repo, "build/keys/dev/cert.pem")));
});

test("all that is missing is told at once, and nothing is built", ({ repo }) => {
  writeFileSync(join(repo, "CHANGELOG.md"), "# Changelog\n\n## Unreleased\n\n- later\n");
  writeFileSync(join(repo, "kernel/dkms.conf"), 'PACKAGE_VERSION="1.2.2"\n');
  const { code, text, made } = release(repo, {});
  assert.is(code, 1);
  assert.equal(made, []);
  assert.match(text, "not committed: CHANGELOG.md kernel/dkms.conf");
  assert.match(text, 'no section "## 1.2.3"');
  assert.match(text, "there are no release keys");
  assert.match(text, "kernel/dkms.conf has another version than package.json (1.2.3)");
  assert.match(text, "nothing was made");
});

test("a release does not take development keys for its own, nor a key that does not fit", ({ repo }) => {
  execFileSync(join(repo, "buildroot/scripts/signing-keys"), [join(repo, "keys/dev")], { stdio: "pipe" });
  const dev = (name: string): string => join(repo, "keys/dev", name);
  const asRelease = release(repo, {
    SCSIGATE_SIGNING_CERT: dev("cert.pem"),
    SCSIGATE_SIGNING_KEY: dev("key.pem"),
    SCSIGATE_KEYRING: dev("keyring.pem"),
  });
  assert.is(asRelease.code, 1);
  assert.match(asRelease.text, "is a development key's");
  rmSync(join(repo, "keys"), { recursive: true });
  const keys = releaseKeys(repo);
  execFileSync(join(repo, "buildroot/scripts/signing-keys"), [join(repo, "keys/dev")], { stdio: "pipe" });
  for (const wrong of [{ SCSIGATE_SIGNING_KEY: dev("key.pem") }, { SCSIGATE_KEYRING: dev("keyring.pem") }]) {
    const { code, text, made } = release(repo, { ...keys, ...wrong });
    assert.is(code, 1);
    assert.match(text, "signing does not work");
    assert.equal(made, []);
  }
});

test("a build that fails, makes too little, or changes the tree leaves no release behind", ({ repo }) => {
  const failed = release(repo, { DEV: "1", FAKE_FAILS: "debs" });
  assert.is(failed.code, 2);
  assert.equal(failed.made, ["check", "disk", "debs"]);
  writeFileSync(join(repo, "bin/make"), FAKE_MAKE.replace("raucb; do", "; do"));
  const little = release(repo, { DEV: "1" });
  assert.is(little.code, 1);
  assert.match(little.text, "there is no update bundle");
  writeFileSync(join(repo, "bin/make"), FAKE_MAKE.replace("case $1 in", "echo x >generated\ncase $1 in"));
  const changing = release(repo, { DEV: "1" });
  assert.is(changing.code, 1);
  assert.match(changing.text, "building changed files of the tree: generated");
  assert.not.ok(existsSync(out(repo)));
});

test.run();
