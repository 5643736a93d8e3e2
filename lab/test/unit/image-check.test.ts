// SPDX-License-Identifier: Apache-2.0
// The BR2_EXTERNAL tree is whole; and a tree that is not, is found.
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkBoards, checkDefconfigs } from "../../src/image-check/boards.ts";
import { buildrootVersion } from "../../src/image-check/buildroot.ts";
import { checkDisks } from "../../src/image-check/disks.ts";
import { checkFragments } from "../../src/image-check/fragments.ts";
import { debianSymbols, treeChecks } from "../../src/image-check/main.ts";
import { checkPackages } from "../../src/image-check/packages.ts";
import { checkAccounts, checkPaths } from "../../src/image-check/paths.ts";
import { checkPrograms, programsRun } from "../../src/image-check/programs.ts";
import { repoDir } from "../../src/paths.ts";

let known: ReadonlySet<string> = new Set();
const test = suite<{ tree: string; temp: string }>("image-check");

test.before(async () => {
  known = await debianSymbols();
});
test.before.each((context) => {
  context.temp = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  context.tree = join(context.temp, "buildroot");
  cpSync(join(repoDir, "buildroot"), context.tree, { recursive: true, verbatimSymlinks: true });
  for (const name of ["appliance", "web-ui", "kernel"]) symlinkSync(join(repoDir, name), join(context.temp, name));
});
test.after.each(({ temp }) => rmSync(temp, { recursive: true, force: true }));

/** Changes a file of the copy; the text must be in it. */
function replace(tree: string, file: string, from: string, to: string): void {
  const text = readFileSync(join(tree, file), "utf8");
  assert.ok(text.includes(from), `${file} has no "${from}"`);
  writeFileSync(join(tree, file), text.replace(from, to));
}

/** Exactly one finding, with these words. */
function isFound(findings: readonly string[], ...words: string[]): void {
  assert.is(findings.length, 1, findings.join("\n"));
  for (const word of words) assert.ok(findings[0]?.includes(word), `"${findings[0]}" does not say ${word}`);
}

for (const { name, run } of treeChecks(join(repoDir, "buildroot"), async () => known)) {
  test(`of the project's tree: ${name}`, async () => {
    assert.equal(await run(), []);
  });
}

test("a file that a defconfig names and nobody made is found", ({ tree }) => {
  rmSync(join(tree, "board/common/kernel/usb.config"));
  const findings = checkPaths(tree);
  assert.is(findings.length, 3); // one for each board
  assert.ok(findings.every((finding) => finding.includes("board/common/kernel/usb.config, which is not there")));
});

test("a program that a script starts from beside itself and that is missing is found", ({ tree }) => {
  rmSync(join(tree, "board/common/check-kernel-config"));
  isFound(checkPaths(tree), "post-build.sh", "board/common/check-kernel-config");
});

test("a file of the board that a script takes is looked for at every board that runs it", ({ tree }) => {
  rmSync(join(tree, "board/pc104/meta"));
  assert.equal(
    checkPaths(tree),
    ["post-build.sh", "post-image.sh"].map(
      (script) => `board/common/${script} takes board/pc104/meta, which is not there`,
    ),
  );
});

test("a script that lost its mode is found", ({ tree }) => {
  chmodSync(join(tree, "board/common/rootfs-overlay/etc/init.d/rcS"), 0o644);
  isFound(checkPaths(tree), "etc/init.d/rcS", "may not be executed");
});

test("a link to nothing is found, except in the root file system", ({ tree }) => {
  symlinkSync("nowhere", join(tree, "board/x86_64/link"));
  symlinkSync("../run/somewhere", join(tree, "board/common/rootfs-overlay/etc/link"));
  isFound(checkPaths(tree), "board/x86_64/link");
});

test("a link of the root file system that became a file is found", ({ tree }) => {
  writeFileSync(join(tree, "board/common/rootfs-overlay/etc/lost"), "/run/somewhere");
  isFound(checkPaths(tree), "etc/lost was a link");
});

test("a link of the root file system that tools lose is found", ({ tree }) => {
  symlinkSync("/run/somewhere", join(tree, "board/common/rootfs-overlay/etc/absolute"));
  isFound(checkPaths(tree), "etc/absolute is an absolute link");
});

test("a user without a password line, one in no group, and one with a password are found", ({ tree }) => {
  const etc = join(tree, "board/common/rootfs-overlay/etc");
  appendFileSync(join(etc, "passwd"), "stray:x:500:500::/:/bin/false\n");
  appendFileSync(join(etc, "shadow"), "other:$5$x$y:19000:0:99999:7:::\n");
  const findings = checkAccounts(tree).join("\n");
  for (const words of ["stray is in group 500", "no line for stray", "other has a password"]) {
    assert.ok(findings.includes(words), findings);
  }
});

test("a defconfig that is sorted in another way than the other boards' is found", ({ tree }) => {
  const file = "configs/scsigate_rpi5_defconfig";
  replace(tree, file, "BR2_PACKAGE_CHRONY=y\nBR2_PACKAGE_DNSMASQ=y\n", "BR2_PACKAGE_DNSMASQ=y\nBR2_PACKAGE_CHRONY=y\n");
  const findings = checkDefconfigs(tree);
  assert.is(findings.length, 2); // against the boards before and after it
  assert.ok(findings.every((finding) => finding.includes("from BR2_PACKAGE_")));
});

test("a line that savedefconfig would not write is found", ({ tree }) => {
  appendFileSync(
    join(tree, "configs/scsigate_x86_64_defconfig"),
    "# by hand\nBR2_PACKAGE_SCSIGATE=y\nBR2_PACKAGE_VIM=n\n",
  );
  const findings = checkDefconfigs(tree);
  assert.is(findings.length, 3);
  for (const words of ['"# by hand"', "BR2_PACKAGE_SCSIGATE is there twice", '"BR2_PACKAGE_VIM=n"']) {
    assert.ok(findings.some((finding) => finding.includes(words)));
  }
});

test("a board without its readme, with another's compatible, or without updates is found", ({ tree }) => {
  rmSync(join(tree, "board/rpi5/readme.txt"));
  replace(tree, "board/pc104/meta", "COMPATIBLE=scsigate-pc104", "COMPATIBLE=scsigate-x86_64");
  replace(tree, "configs/scsigate_x86_64_defconfig", "BR2_PACKAGE_RAUC_DBUS=y\n", "");
  const findings = checkBoards(tree).join("\n");
  for (const words of [
    "board/rpi5/readme.txt is missing",
    "COMPATIBLE is scsigate-x86_64",
    "no BR2_PACKAGE_RAUC_DBUS",
  ]) {
    assert.ok(findings.includes(words), findings);
  }
});

test("GRUB's modules in a defconfig that differ from the board's list are found", ({ tree }) => {
  replace(tree, "configs/scsigate_x86_64_defconfig", " efi_gop", " efi_uga");
  isFound(checkBoards(tree), "BUILTIN_MODULES_EFI", "boot/grub/grub-modules");
});

const RPI = "board/common/boot/rpi-firmware";

test("a boot loader's folder that lacks something, or that no board uses, is found", ({ tree }) => {
  replace(tree, `${RPI}/fill.sh`, "finish_disk() {", "finish() {");
  isFound(checkDisks(tree), `${RPI}/fill.sh has no finish_disk`);
  rmSync(join(tree, RPI, "genimage.cfg"));
  isFound(checkDisks(tree), `${RPI}/genimage.cfg is missing`);
  replace(tree, "board/rpi5/meta", "BOOT_LOADER=rpi-firmware", "BOOT_LOADER=grub");
  isFound(checkDisks(tree), `${RPI} is used by no board`);
});

test("partitions where the boot loader does not look for them, or of unequal size, are found", ({ tree }) => {
  const file = `${RPI}/genimage.cfg`;
  replace(tree, file, "partition kernel-b", "partition kernel-c");
  isFound(checkDisks(tree), `${file}: partitions are boot kernel-a kernel-c root-a root-b`);
  replace(tree, file, "partition kernel-c", "partition root-x");
  replace(tree, file, "partition root-b", "partition kernel-b");
  replace(tree, file, "partition root-x", "partition root-b");
  const findings = checkDisks(tree).join("\n");
  for (const words of [
    "kernel-a and kernel-b are 2 and 5",
    "kernel-a and kernel-b differ",
    "root-a and root-b differ",
  ]) {
    assert.ok(findings.includes(words), findings);
  }
});

test("a Raspberry Pi's settings that name other files than those of the build are found", ({ tree }) => {
  replace(tree, "board/rpi5/config.txt", "kernel=vmlinuz", "kernel=Image");
  isFound(checkDisks(tree), 'board/rpi5/config.txt has no line "kernel=vmlinuz"');
  replace(tree, "board/rpi5/config.txt", "kernel=Image", "kernel=vmlinuz");
  appendFileSync(join(tree, "board/rpi5/cmdline.txt"), "scsigate.slot=A\n");
  const findings = checkDisks(tree).join("\n");
  for (const words of ["cmdline.txt is not one line", "names slot or root hash"]) {
    assert.ok(findings.includes(words), findings);
  }
  rmSync(join(tree, "board/rpi5/cmdline.txt"));
  isFound(checkDisks(tree), "board/rpi5/cmdline.txt is missing");
});

test("a folder of a board without a defconfig is found", ({ tree }) => {
  mkdirSync(join(tree, "board/toaster"));
  isFound(checkBoards(tree), "board/toaster");
});

test("a program that the supervisor runs and a board does not have is found", ({ tree, temp }) => {
  const source = join(temp, "source");
  mkdirSync(join(source, "executor"), { recursive: true });
  writeFileSync(
    join(source, "executor/some.ts"),
    'await context.run("nft", ["-f", file]);\nthis.#spawn(\n  "frobnicate",\n  [this.address],\n);\n',
  );
  assert.equal([...programsRun(source).keys()], ["nft", "frobnicate"]);
  isFound(checkPrograms(tree, source), "executor/some.ts runs frobnicate");
  writeFileSync(join(source, "executor/some.ts"), 'await context.run("nft", ["-f", file]);\n');
  replace(tree, "configs/scsigate_pc104_defconfig", "BR2_PACKAGE_NFTABLES_JSON=y\n", "");
  isFound(checkPrograms(tree, source), "scsigate_pc104_defconfig has no BR2_PACKAGE_NFTABLES_JSON, which brings nft");
});

test("a package whose names do not fit its folder's is found", ({ tree }) => {
  replace(tree, "package/ipscsi/ipscsi.mk", "IPSCSI_LICENSE =", "IPCSI_LICENSE =");
  replace(tree, "package/node-bin/Config.in", "config BR2_PACKAGE_NODE_BIN\n", "config BR2_PACKAGE_NODEBIN\n");
  const findings = checkPackages(tree);
  assert.is(findings.length, 3);
  for (const words of [
    "IPCSI_LICENSE must begin with IPSCSI_",
    "no IPSCSI_LICENSE",
    "not define BR2_PACKAGE_NODE_BIN",
  ]) {
    assert.ok(findings.some((finding) => finding.includes(words)));
  }
});

test("a package that nobody sources, and a version without a hash are found", ({ tree }) => {
  cpSync(join(tree, "package/ipscsi"), join(tree, "package/orphan"), { recursive: true });
  isFound(
    checkPackages(tree).filter((finding) => !finding.includes("package/orphan")),
    "Config.in does not source each",
  );
  rmSync(join(tree, "package/orphan"), { recursive: true });
  replace(tree, "package/node-bin/node-bin.mk", "24.21.0", "24.99.0");
  isFound(checkPackages(tree), "no sha256 for version 24.99.0");
});

test("a symbol that no kernel has is found, as is one of another architecture", ({ tree }) => {
  replace(tree, "board/common/kernel/adapters.config", "CONFIG_SCSI_DC395x=m", "CONFIG_SCSI_DC395X=m");
  isFound(checkFragments(tree, known), "adapters.config", "CONFIG_SCSI_DC395X");
  replace(tree, "board/common/kernel/adapters.config", "CONFIG_SCSI_DC395X=m", "CONFIG_SCSI_DC395x=m");
  appendFileSync(join(tree, "board/x86_64/kernel.config"), "CONFIG_SCSI_AHA152X=m\n");
  isFound(checkFragments(tree, known), "CONFIG_SCSI_AHA152X exists on i386 only");
});

test("a line that Kconfig cannot read, and a fragment that no board uses are found", ({ tree }) => {
  appendFileSync(join(tree, "board/rpi5/kernel.config"), "CONFIG_BT is not set\n");
  isFound(checkFragments(tree, known), "board/rpi5/kernel.config", 'cannot read "CONFIG_BT is not set"');
  rmSync(join(tree, "board/rpi5/kernel.config"));
  writeFileSync(join(tree, "board/rpi5/kernel.config"), "CONFIG_ARM64_4K_PAGES=y\n");
  writeFileSync(join(tree, "board/common/kernel/spare.config"), "CONFIG_NET=y\n");
  assert.ok(checkFragments(tree, known).includes("board/common/kernel/spare.config is used by no board"));
});

test("two fragments of a kernel that set the same symbol are found", ({ tree }) => {
  appendFileSync(join(tree, "board/x86_64/kernel.config"), "CONFIG_VETH=y\n");
  isFound(checkFragments(tree, known), "board/x86_64/kernel.config sets CONFIG_VETH", "network.config");
});

test("what a built kernel lacks is named with the fragment that wants it", ({ tree, temp }) => {
  const config = join(temp, ".config");
  const [first, second] = [join(temp, "first"), join(temp, "second")];
  writeFileSync(config, 'CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_S="a b"\nCONFIG_X=y\n');
  writeFileSync(
    first,
    'CONFIG_A=y\nCONFIG_B=m\nCONFIG_S="a b"\n# CONFIG_GONE is not set\n# CONFIG_C is not set\nCONFIG_LATER=m\n',
  );
  const run = (...fragments: string[]): { status: number | null; stderr: string } =>
    spawnSync(join(tree, "board/common/check-kernel-config"), [config, ...fragments], { encoding: "utf8" });
  writeFileSync(second, "# CONFIG_LATER is not set\n");
  assert.is(run(first, second).status, 0);
  writeFileSync(second, "CONFIG_LATER=m\nCONFIG_B=y\nCONFIG_C=y\n# CONFIG_X is not set\n");
  const { status, stderr } = run(first, second);
  assert.is(status, 1);
  assert.equal(
    stderr.trim().split("\n"),
    ["CONFIG_B=y, but the kernel has m", "CONFIG_C=y, but the kernel has n"]
      .concat(["CONFIG_LATER=m, but the kernel has n", "CONFIG_X=n, but the kernel has y"])
      .map((words) => `${second}: ${words}`),
  );
});

/** A root file system as Buildroot leaves it to post-build.sh, and what it is told by its environment. */
function builtRoot(temp: string, tree: string): { target: string; env: NodeJS.ProcessEnv } {
  const target = join(temp, "target");
  const build = join(temp, "build");
  const files: Readonly<Record<string, string>> = {
    "target/usr/lib/scsigate/version.json": '{"version":"1.2.3","commit":"abc"}\n',
    "target/etc/rauc/system.conf": "[system]\ncompatible=@COMPATIBLE@\n",
    "target/etc/init.d/S50dropbear": "#!/bin/sh\n",
    "target/etc/init.d/rcS": "#!/bin/sh\n",
    "build/grub2-2.12/build-i386-pc/grub-core/boot.img": "boot",
    "build/linux-6.12.104/.config": "CONFIG_NET=y\n",
    "images/keep": "",
    fragment: "CONFIG_NET=y\n",
    "keyring.pem": "whom to trust\n",
    config: `BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES="${join(temp, "fragment")}"\n`,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(temp, path, ".."), { recursive: true });
    writeFileSync(join(temp, path), text);
  }
  const paths = { BUILD_DIR: build, BINARIES_DIR: join(temp, "images"), BR2_CONFIG: join(temp, "config") };
  const signing = { SIGNING_KEYRING: join(temp, "keyring.pem") };
  return { target, env: { ...process.env, ...paths, ...signing, BR2_EXTERNAL_SCSIGATE_PATH: tree } };
}

test("after Buildroot, the root says what it is, whom it trusts, and starts nothing of the packages'", ({
  tree,
  temp,
}) => {
  const { target, env } = builtRoot(temp, tree);
  const run = spawnSync(join(tree, "board/common/post-build.sh"), [target, join(tree, "board/x86_64")], { env });
  assert.is(run.status, 0, run.stderr.toString());
  assert.equal(JSON.parse(readFileSync(join(target, "usr/lib/scsigate/image.json"), "utf8")), {
    board: "x86_64",
    compatible: "scsigate-x86_64",
    version: "1.2.3",
    root: "buildroot",
  });
  assert.match(readFileSync(join(target, "etc/rauc/system.conf"), "utf8"), /^compatible=scsigate-x86_64$/m);
  assert.is(readFileSync(join(target, "etc/rauc/keyring.pem"), "utf8"), "whom to trust\n");
  assert.not.ok(existsSync(join(target, "etc/init.d/S50dropbear")));
  assert.ok(existsSync(join(target, "etc/init.d/rcS")));
  assert.ok(existsSync(join(target, "var/empty")));
  assert.is(readFileSync(join(temp, "images/boot.img"), "utf8"), "boot");
});

test("a kernel without what its fragments ask for ends the build", ({ tree, temp }) => {
  const { target, env } = builtRoot(temp, tree);
  appendFileSync(join(temp, "fragment"), "CONFIG_TARGET_CORE=m\n");
  const run = spawnSync(join(tree, "board/common/post-build.sh"), [target, join(tree, "board/x86_64")], { env });
  assert.is(run.status, 1);
  assert.match(run.stderr.toString(), /CONFIG_TARGET_CORE=m, but the kernel has n/);
});

test("make image says what it lacks: the board, Buildroot, the right Buildroot", ({ tree, temp }) => {
  const build = (board: string, buildroot: string): string => {
    const run = spawnSync(join(tree, "scripts/build-image"), [board, buildroot, join(temp, "out")], {
      encoding: "utf8",
    });
    assert.is(run.status, 1);
    return run.stderr;
  };
  assert.match(build("", ""), /which board\? Say BOARD=, one of: pc104 rpi5 x86_64/);
  assert.match(build("toaster", ""), /no board "toaster"; there are: pc104 rpi5 x86_64/);
  assert.match(build("x86_64", ""), /BUILDROOT= must name a checkout of Buildroot 2026\.02/);
  assert.match(build("x86_64", join(temp, "nothing")), /nothing has no Makefile/);
  writeFileSync(join(temp, "Makefile"), "all:\n");
  assert.match(build("x86_64", temp), /is no checkout of Buildroot/);
  writeFileSync(join(temp, "Makefile"), "export BR2_VERSION := 2025.11\n");
  assert.match(build("x86_64", temp), /is Buildroot 2025\.11; these boards are for 2026\.02/);
  assert.not.ok(existsSync(join(temp, "build")));
});

/** A Buildroot that makes the files of a build at once, and writes down what it was asked for. */
const FAKE_BUILDROOT = `export BR2_VERSION := 2026.02.3
all:
	@mkdir -p $(O)/images && echo disk >$(O)/images/disk.img && echo bundle >$(O)/images/update.raucb
	@echo "all by $$(basename $$SIGNING_CERT) $$(basename $$SIGNING_KEY) $$(basename $$SIGNING_KEYRING)" >>$(O)/log
%_defconfig:
	@touch $(O)/.config && echo $@ >>$(O)/log
show-info:
	@echo '{}'
%-dirclean:
	@echo $@ >>$(O)/log
`;

test("make image leaves a disk, its map, a bundle, a bill of materials and their hashes, named for version and board", ({
  temp,
}) => {
  const repository = join(temp, "repository");
  const buildroot = join(temp, "fake");
  const files: Readonly<Record<string, string>> = {
    "repository/appliance/dist/executor.js": "",
    "repository/appliance/dist/version.json": '{"version":"1.2.3"}\n',
    "repository/web-ui/dist/index.html": "",
    "fake/Makefile": FAKE_BUILDROOT,
    "fake/utils/generate-cyclonedx": "#!/bin/sh\ncat\n",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(temp, path, ".."), { recursive: true });
    writeFileSync(join(temp, path), text);
  }
  chmodSync(join(buildroot, "utils/generate-cyclonedx"), 0o755);
  for (const name of ["scripts", "configs"]) {
    cpSync(join(repoDir, "buildroot", name), join(repository, "buildroot", name), { recursive: true });
  }
  const build = (): void => {
    const run = spawnSync(join(repository, "buildroot/scripts/build-image"), ["x86_64", buildroot], {
      encoding: "utf8",
    });
    assert.is(run.status, 0, run.stderr);
  };
  build();
  const results = join(repository, "build/image/x86_64");
  const names = ["cdx.json", "img.bmap", "img.xz", "raucb"].map((suffix) => `scsigate-1.2.3-x86_64.${suffix}`);
  assert.equal(readdirSync(results).sort(), ["SHA256SUMS", ...names]);
  assert.is(spawnSync("sha256sum", ["-c", "SHA256SUMS"], { cwd: results }).status, 0);
  build();
  assert.equal(readFileSync(join(repository, "build/image-x86_64/log"), "utf8").trim().split("\n"), [
    "scsigate_x86_64_defconfig",
    "all by cert.pem key.pem keyring.pem",
    // built once already: the project's own packages are built anew
    "ipscsi-dirclean",
    "restart-with-dirclean",
    "scsigate-dirclean",
    "scsigate_x86_64_defconfig",
    "all by cert.pem key.pem keyring.pem",
  ]);
});

test("image-check takes releases of 2026.02 and no others", ({ temp }) => {
  const version = (text: string): string => {
    writeFileSync(join(temp, "Makefile"), text);
    return buildrootVersion(temp);
  };
  for (const name of ["2026.02", "2026.02.3", "2026.02-git"])
    assert.is(version(`export BR2_VERSION := ${name}\n`), name);
  for (const name of ["2026.05", "2025.02.9", "2026.021"]) {
    assert.throws(() => version(`export BR2_VERSION := ${name}\n`), new RegExp(`is Buildroot ${name}`));
  }
  assert.throws(() => version("all:\n"), /no checkout of Buildroot/);
});

test.run();
