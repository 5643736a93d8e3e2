// SPDX-License-Identifier: Apache-2.0
/** Bundles by the real rauc, with keys made by openssl. */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files that the image has. */
const RAUC_FILES = join(import.meta.dirname, "../../../buildroot/board/common/rootfs-overlay/etc/rauc");

export const hasRauc = ["rauc", "mksquashfs", "openssl"].every(
  (program) => spawnSync(program, ["--version"]).error === undefined,
);

/**
 * A key that signs bundles.
 * @param name of the key, and of the files <name>.key and <name>.pem
 * @param usage what its certificate is for
 */
export function makeKey(folder: string, name: string, usage = "codeSigning"): void {
  const purpose = ["-addext", `extendedKeyUsage=critical,${usage}`];
  const key = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.pem`];
  execFileSync("openssl", [...key, "-days", "3650", "-subj", `/CN=${name}`, ...purpose], {
    cwd: folder,
    stdio: "ignore",
  });
}

export interface BundleOptions {
  compatible: string;
  version: string;
  /** Of a key that makeKey() has made. */
  key: string;
  format?: "verity" | "plain";
}

/** @returns the bundle's path */
export function makeBundle(folder: string, name: string, options: BundleOptions): string {
  const content = join(folder, `${name}.d`);
  mkdirSync(content, { recursive: true });
  const { compatible, version, key, format = "verity" } = options;
  writeFileSync(
    join(content, "manifest.raucm"),
    `[update]\ncompatible=${compatible}\nversion=${version}\ndescription=a test\nbuild=20261128\n\n[bundle]\nformat=${format}\n\n` +
      "[image.kernel]\nfilename=kernel.img\n\n[image.rootfs]\nfilename=rootfs.img\n",
  );
  for (const [image, bytes] of [
    ["kernel", 100_000],
    ["rootfs", 300_000],
  ] as const) {
    writeFileSync(join(content, `${image}.img`), randomBytes(bytes)); // a small image is none: verity needs some blocks
  }
  const bundle = join(folder, `${name}.raucb`);
  rmSync(bundle, { force: true });
  const args = ["bundle", "--cert", `${key}.pem`, "--key", `${key}.key`, content, bundle];
  execFileSync("rauc", args, { cwd: folder, stdio: "ignore" });
  return bundle;
}

/**
 * The image's system.conf for this board, with keys, slots and a boot loader of ours.
 * @param keys that are trusted
 * @returns its path
 */
export function systemConf(folder: string, compatible: string, keys: readonly string[]): string {
  const keyring = keys.map((key) => readFileSync(join(folder, `${key}.pem`), "utf8")).join("");
  writeFileSync(join(folder, "keyring.pem"), keyring);
  const text = readFileSync(join(RAUC_FILES, "system.conf"), "utf8")
    .replace("@COMPATIBLE@", compatible)
    .replace("/etc/rauc/keyring.pem", join(folder, "keyring.pem"))
    .replace("/usr/sbin/scsigate-boot", join(folder, "boot"))
    .replace("/data/update/rauc.status", join(folder, "rauc.status"))
    .replace("/run/rauc", join(folder, "mnt"))
    .replaceAll("/dev/image/", `${folder}/slot-`);
  if (text.includes("@COMPATIBLE@")) throw new Error("what makes the image replaces the first place alone");
  const path = join(folder, "system.conf");
  writeFileSync(path, text);
  for (const slot of ["kernel-a", "root-a", "kernel-b", "root-b"]) {
    writeFileSync(join(folder, `slot-${slot}`), Buffer.alloc(1_000_000));
  }
  const boot = "#!/bin/sh\ncase $1 in get-primary | get-current) echo A ;; get-state) echo good ;; esac\n";
  writeFileSync(join(folder, "boot"), boot, { mode: 0o755 });
  return path;
}

/** The image's dbus.conf, with its bus below this folder instead of /run. @returns its path */
export function busConf(folder: string, run: string): string {
  const path = join(folder, "dbus.conf");
  writeFileSync(
    path,
    readFileSync(join(RAUC_FILES, "dbus.conf"), "utf8")
      .replaceAll(">/run/", `>${run}/`)
      .replace("path=/run/", `path=${run}/`),
  );
  return path;
}
