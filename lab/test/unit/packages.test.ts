// SPDX-License-Identifier: Apache-2.0
// What is in our packages and on the driver disk, and that the same source gives the same bytes.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { adapterFirmware, driverDisk, packDebs } from "../../src/build/packages.ts";
import { applianceDistDir, repoDir, webDistDir } from "../../src/paths.ts";
import { exec } from "../../src/process.ts";
import { sleep } from "../../src/time.ts";

const test = suite("packages");
const folder = mkdtempSync(join(tmpdir(), "scsigate-debs-"));
let files: string[] = [];

test.before(async () => {
  const built = [
    join(applianceDistDir, "adapter.update"),
    join(applianceDistDir, "native"),
    join(webDistDir, "index.html"),
  ].every((path) => existsSync(path));
  if (!built) await adapterFirmware();
  for (const workspace of built ? [] : ["appliance", "web-ui"]) {
    await exec("npm", ["run", "--silent", "build", "-w", workspace], { cwd: repoDir });
  }
  await driverDisk();
  files = await packDebs({ folder: join(folder, "one") });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function deb(name: string): string {
  const file = files.find((path) => basename(path).startsWith(`${name}_`));
  if (file === undefined) throw new Error(`there is no package ${name}`);
  return file;
}

/** "-rw-r--r-- root/root ./path" of everything in a package. */
async function contents(name: string): Promise<{ mode: string; owner: string; path: string }[]> {
  const { stdout } = await exec("dpkg-deb", ["-c", deb(name)]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [mode = "", owner = "", , , , path = ""] = line.split(/\s+/);
      return { mode, owner, path };
    });
}

async function script(name: string, script: string): Promise<string> {
  return (await exec("sh", ["-c", `dpkg-deb --ctrl-tarfile "$0" | tar -xO ./${script}`, deb(name)])).stdout;
}

test("the same source gives the same packages and the same disk, whenever they are built", async () => {
  const disk = sha256(await driverDisk());
  await sleep(2100); // a FAT file system counts in two seconds
  const again = await packDebs({ folder: join(folder, "two") });
  assert.equal(again.map(sha256), files.map(sha256));
  assert.is(sha256(await driverDisk()), disk);
});

for (const name of ["scsigate", "ipscsi-dkms"]) {
  test(`${name}: files are root's, nobody else writes them, and none is where it does not belong`, async () => {
    for (const { mode, owner, path } of await contents(name)) {
      assert.is(owner, "root/root", path);
      assert.match(mode, /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$/, path);
      assert.match(path, /^\.\/($|usr\/)/, path);
      assert.not.match(path, /\/usr\/local|node_modules|\.(o|ko|map)$|tests\//, path);
    }
    const paths = (await contents(name)).map(({ path }) => path);
    for (const file of ["copyright", "changelog.gz"])
      assert.ok(paths.includes(`./usr/share/doc/${name}/${file}`), file);
  });

  test(`${name}: its scripts are whole, and what the tree knows is filled in`, async () => {
    const { stdout } = await exec("dpkg-deb", ["-f", deb(name), "Version", "Depends", "Description"]);
    const version = (JSON.parse(readFileSync(join(repoDir, "package.json"), "utf8")) as { version: string }).version;
    assert.match(stdout, `Version: ${version}\n`);
    for (const maintainer of name === "scsigate" ? ["postinst", "prerm", "postrm"] : ["postinst", "prerm"]) {
      const text = await script(name, maintainer);
      assert.not.match(text, /@[A-Z]+@/);
      assert.match(text, "set -e");
      await exec("sh", ["-n"], { input: text });
    }
  });

  test(`${name}: its list of checksums fits`, async () => {
    const target = join(folder, name);
    await exec("dpkg-deb", ["-R", deb(name), target]);
    await exec("sh", ["-c", 'cd "$0" && md5sum --quiet -c DEBIAN/md5sums', target]);
  });
}

test("the kernels that the package builds for are those of dkms.conf", async () => {
  const conf = readFileSync(join(repoDir, "kernel/dkms.conf"), "utf8");
  const pattern = /BUILD_EXCLUSIVE_KERNEL="(.*)"/.exec(conf)?.[1] ?? "";
  assert.match(await script("ipscsi-dkms", "postinst"), `grep -Eq '${pattern}'`);
  for (const version of ["6.1.0-56-amd64", "6.12.117+deb12-amd64", "6.9.1"]) assert.match(version, new RegExp(pattern));
  for (const version of ["6.13.0", "6.18.44", "5.10.0", "16.1.0"]) assert.not.match(version, new RegExp(pattern));
});

test("the unit names programs and folders that the package has", async () => {
  const paths = (await contents("scsigate")).map(({ path }) => path.slice(1));
  const unit = readFileSync(join(repoDir, "appliance/debian/scsigate.service"), "utf8");
  const started = /ExecStart=\S+ .* (\S+)$/m.exec(unit)?.[1] ?? "";
  assert.ok(paths.includes(started), started);
  for (const path of [
    "/usr/lib/scsigate/service.js",
    "/usr/lib/scsigate/driver.img",
    "/usr/lib/scsigate/web/index.html",
  ])
    assert.ok(paths.includes(path), path);
});

test("the driver disk is a FAT file system that everybody can read", async () => {
  const image = await driverDisk();
  assert.is(readFileSync(image).length, 1440 * 1024);
  const { stdout: label } = await exec("mlabel", ["-s", "-i", image, "::"]);
  assert.match(label, "SCSIGATE");
  const { stdout: names } = await exec("mdir", ["-b", "-i", image, "::"]);
  assert.match(names, /README\.txt[\s\S]*install\.sh[\s\S]*ipscsi-[\d.]+\.tar\.xz[\s\S]*ipscsi-dkms_[\d.]+_all\.deb/);
  const read = async (name: string) => (await exec("mtype", ["-i", image, `::/${name}`])).stdout;
  const readme = await read("README.txt");
  assert.ok(readme.split("\r\n").length > 20, "lines end as on Windows");
  assert.match(readme, "mount -o ro LABEL=SCSIGATE /mnt");
  const install = await read("install.sh");
  assert.not.match(install, /\r|@[A-Z]+@/);
  await exec("sh", ["-n"], { input: install });
});

test("the source on the driver disk builds by itself: no test, and everything that its Kbuild names", async () => {
  const image = await driverDisk();
  const target = join(folder, "source");
  const command =
    'mkdir "$0" && cd "$0" && mcopy -i "$1" "::/ipscsi-*.tar.xz" . && tar -xJf ipscsi-*.tar.xz --strip-components=1';
  await exec("sh", ["-c", command, target, image]);
  const kbuild = readFileSync(join(target, "Kbuild"), "utf8");
  const lines = [...kbuild.matchAll(/^ipscsi(_target)?-y := (.*)$/gm)];
  const objects = lines.flatMap((match) => match[2]?.split(" ") ?? []);
  assert.ok(objects.length > 5);
  for (const object of objects) assert.ok(existsSync(join(target, object.replace(/\.o$/, ".c"))), object);
  assert.not.ok(existsSync(join(target, "tests")));
  assert.match(readFileSync(join(target, "LICENSE"), "utf8"), "GNU GENERAL PUBLIC LICENSE");
});

/** install.sh on a host without headers, up to what it says. */
async function refused(release: string): Promise<string> {
  const image = await driverDisk();
  const root = mkdtempSync(join(folder, "host-"));
  // The script's own view of the host: programs and files by name, in a folder.
  const command = `
    cd "$0" && mtype -i "$1" ::/install.sh |
      sed -e 's|^PATH=.*|PATH=$FAKE:/usr/bin:/bin|' -e "s|/lib/modules|$0/modules|" -e "s|/etc/os-release|$0/os-release|g" >install.sh
    mkdir -p bin modules/6.1.0-9-amd64/build
    printf '#!/bin/sh\\necho 6.1.0-9-amd64\\n' >bin/uname
    printf '#!/bin/sh\\necho 0\\n' >bin/id
    chmod +x bin/*
    printf '%s' "$2" >os-release
    FAKE=$0/bin sh install.sh`;
  const { code, stderr } = await exec("sh", ["-c", command, root, image, release], {
    accept: [1],
  });
  assert.is(code, 1);
  return stderr;
}

test("without headers, the host's user is told what to install, in the words of that system", async () => {
  const cases: [string, string][] = [
    ["ID=debian\n", "apt install gcc make xz-utils linux-headers-6.1.0-9-amd64"],
    ['ID=pop\nID_LIKE="ubuntu debian"\n', "apt install"],
    [
      'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
      "dnf install gcc make xz elfutils-libelf-devel kernel-devel-6.1.0-9-amd64",
    ],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install"],
    ["ID=arch\n", "pacman -S"],
    ["ID=alpine\n", "apk add"],
    ["ID=other\n", "the headers of kernel 6.1.0-9-amd64"],
  ];
  for (const [release, expected] of cases) {
    const said = await refused(release);
    assert.match(said, "the headers of the running kernel 6.1.0-9-amd64 are missing");
    assert.match(said, expected);
  }
});

test.run();
