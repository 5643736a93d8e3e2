// SPDX-License-Identifier: Apache-2.0
// The article's first use: mirroring by FTP, with programs that people have, over two SCSI buses.
import * as assert from "uvu/assert";
import { mirror } from "../src/arrangements/all.ts";
import { addressOf } from "../src/arrangements/plan.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { makeTree, sumOf, type TreeOf } from "../src/rigs/trees.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";

const SMALL_FILES = 300;
/** Those that mirror: one beside the server, two behind the router. */
const CLIENTS = ["b", "d", "e"] as const;
const TIMEOUT = 300_000;

const SERVER = `listen=YES
background=NO
anonymous_enable=YES
no_anon_password=YES
anon_root=/srv/a
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=NO
secure_chroot_dir=/var/empty
`;

const measured = { files: 0, bytes: 0, seconds: 0, again: 0 };
let rig: ArrangementRig;
let tree: TreeOf;

const topology = topologyOf(mirror, {
  layers: ["ftp"],
  files: {
    "/etc/vsftpd.conf": SERVER,
    "/etc/services": "ftp 21/tcp\n",
    "/etc/passwd":
      "root:x:0:0:root:/root:/bin/sh\nftp:x:100:100:ftp:/srv/a:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "/etc/group": "root:x:0:\nftp:x:100:\nnogroup:x:65534:\n",
  },
});

/** All clients at once. @returns what each says that it did */
async function mirrorAll(): Promise<string[][]> {
  const from = addressOf(mirror, "a");
  return Promise.all(
    CLIENTS.map(async (host) => {
      const commands = `set net:max-retries 2; set ftp:prefer-epsv no; open ftp://${from}; mirror --delete --verbose --parallel=4 / /copy/${host}`;
      const { code, stdout, stderr } = await rig.in(host, `lftp -c '${commands}'`, { timeout: TIMEOUT });
      assert.is(code, 0, `${host}: ${stdout}${stderr}`);
      return stdout.trim().split("\n");
    }),
  );
}

async function compare(): Promise<void> {
  const wanted = await rig.vm.ok(sumOf("/srv/a"), { timeout: TIMEOUT });
  for (const host of CLIENTS) assert.is(await rig.vm.ok(sumOf(`/copy/${host}`), { timeout: TIMEOUT }), wanted, host);
}

const tests = scenario(mirror.name, topology, {
  prepare: async (bench) => {
    rig = new ArrangementRig(bench.vm("loop"), mirror);
    await rig.setUp();
    tree = await makeTree(rig.vm, "/srv/a", SMALL_FILES);
    rig.vm.start("exec ip netns exec a vsftpd /etc/vsftpd.conf");
    await waitFor("the FTP server", async () => (await rig.in("a", "ss -ltn")).stdout.includes(":21 "), {
      timeout: 30_000,
    });
  },
});

tests.test("three hosts mirror a tree at the same time, and have what the server has", async () => {
  const from = Date.now();
  await mirrorAll();
  measured.seconds = (Date.now() - from) / 1000;
  Object.assign(measured, tree);
  await compare();
});

tests.test("what changed, came and went is all that is mirrored again", async () => {
  await rig.vm.ok("set -e; cd /srv/a; head -c 100000 /dev/urandom >large1; echo new >d0/new; rm d1/f55");
  const from = Date.now();
  const said = await mirrorAll();
  measured.again = (Date.now() - from) / 1000;
  // A file that changed is removed first.
  const wanted = [
    "Removing old file `d1/f55'",
    "Removing old file `large1'",
    "Transferring file `d0/new'",
    "Transferring file `large1'",
  ];
  for (const lines of said) assert.equal(lines.sort(), wanted);
  await compare();
});

tests.test("what was measured is written down", async () => {
  const { files, bytes, seconds, again } = measured;
  const part = (): string =>
    toPart(mirror, [
      ["tree", `${files} files, ${(bytes / 2 ** 20).toFixed(0)} MiB, for ${CLIENTS.length} hosts`],
      ["all of it", `${seconds.toFixed(0)} s`],
      ["again, with one file changed, one new, one gone", `${again.toFixed(0)} s`],
    ]);
  console.log(`  ${writeDown(mirror, measured, forDocs(part))}`);
});

tests.run();
