// SPDX-License-Identifier: Apache-2.0
// The kernel's NFS server and client, over two SCSI buses: a tree is copied from the server and back.
import * as assert from "uvu/assert";
import { nfs } from "../src/arrangements/all.ts";
import { addressOf } from "../src/arrangements/plan.ts";
import { forDocs, toPart, writeDown } from "../src/arrangements/report.ts";
import { topologyOf } from "../src/arrangements/scenario.ts";
import { ArrangementRig } from "../src/rigs/arrangement.ts";
import { makeTree, sumOf, type TreeOf } from "../src/rigs/trees.ts";
import { scenario } from "../src/scenario.ts";

const SMALL_FILES = 1000;
const TIMEOUT = 600_000;
const CLIENT = "d";

const topology = topologyOf(nfs, {
  layers: ["nfs"],
  files: {
    "/etc/exports": "/srv/a *(rw,no_root_squash,no_subtree_check,insecure,fsid=0)\n",
    "/etc/services": "nfs 2049/tcp\n",
    "/etc/netconfig": `udp tpi_clts v inet udp - -\ntcp tpi_cots_ord v inet tcp - -\nlocal tpi_cots_ord - loopback - - -\n`,
    "/etc/protocols": "icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n",
  },
});

let rig: ArrangementRig;
let tree: TreeOf;
const measured = { files: 0, bytes: 0, readSeconds: 0, writeSeconds: 0 };

/** In the client, with the export at /mnt: it is mounted for this command only. */
async function mounted(command: string): Promise<{ said: string; seconds: number }> {
  const script = `set -e; mount.nfs ${addressOf(nfs, "a")}:/ /mnt -o vers=4.2,hard,timeo=50; ${command}; umount /mnt`;
  const from = Date.now();
  const { code, stdout, stderr } = await rig.in(CLIENT, `sh -c '${script}'`, { timeout: TIMEOUT });
  assert.is(code, 0, stdout + stderr);
  return { said: stdout, seconds: (Date.now() - from) / 1000 };
}

const tests = scenario(nfs.name, topology, {
  prepare: async (bench) => {
    rig = new ArrangementRig(bench.vm("loop"), nfs);
    await rig.setUp();
    // The root's own file system is none that can be exported.
    await rig.vm.ok("set -e; mkdir -p /srv/a /copy; mount -t tmpfs tmpfs /srv/a; mount -t tmpfs tmpfs /copy; depmod");
    tree = await makeTree(rig.vm, "/srv/a/tree", SMALL_FILES);
    await rig.vm.ok("modprobe -a nfsd nfs nfsv4; mkdir -p /var/lib/nfs/v4recovery /var/lib/nfs/rpc_pipefs");
    const serve = `set -e
      mount -t nfsd nfsd /proc/fs/nfsd
      exportfs -ra
      rpc.nfsd -N 3 -G 10 -L 10 8
      exec rpc.mountd -F -N 2 -N 3`;
    rig.vm.start(`exec ip netns exec a sh -c '${serve}'`);
  },
});

tests.test("a tree is copied from the server, and back to it", async () => {
  const wanted = await rig.vm.ok(sumOf("/srv/a/tree"), { timeout: TIMEOUT });
  const read = await mounted("cp -r /mnt/tree /copy/tree");
  measured.readSeconds = read.seconds;
  assert.is(await rig.vm.ok(sumOf("/copy/tree"), { timeout: TIMEOUT }), wanted);
  const write = await mounted("cp -r /copy/tree /mnt/back");
  measured.writeSeconds = write.seconds;
  assert.is(await rig.vm.ok(sumOf("/srv/a/back"), { timeout: TIMEOUT }), wanted);
  Object.assign(measured, tree);
});

tests.test("files are renamed, locked and removed there, and the server sees it", async () => {
  // flock is one of the client's there, and one over bytes at the server, whose file has the same number.
  const { said } = await mounted("cd /mnt/back; mv large1 moved; rm -r d0; flock moved cat /proc/locks; cd /");
  const inode = (await rig.vm.ok("stat -c %i /srv/a/back/moved")).trim();
  assert.match(said, new RegExp(`POSIX +ADVISORY +WRITE \\d+ \\w+:\\w+:${inode} `));
  await rig.vm.ok("set -e; cd /srv/a/back; test ! -e d0; test ! -e large1; test -d d1");
  await rig.vm.ok("cmp /srv/a/back/moved /srv/a/tree/large1");
});

tests.test("what was measured is written down", async () => {
  const { files, bytes, readSeconds, writeSeconds } = measured;
  const part = (): string =>
    toPart(nfs, [
      ["tree", `${files} files, ${(bytes / 2 ** 20).toFixed(0)} MiB`],
      ["copied from the server", `${readSeconds.toFixed(0)} s`],
      ["copied to it", `${writeSeconds.toFixed(0)} s`],
    ]);
  console.log(`  ${writeDown(nfs, measured, forDocs(part))}`);
});

tests.run();
