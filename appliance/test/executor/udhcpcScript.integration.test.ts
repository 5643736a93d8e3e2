// SPDX-License-Identifier: Apache-2.0
// What udhcpc calls with a lease, in a network namespace: from one network to another, nothing of the first one stays.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const script = join(
  import.meta.dirname,
  "../../../buildroot/board/common/rootfs-overlay/usr/share/udhcpc/default.script",
);
const leases = suite("a lease of the LAN");
const test = hasNamespaces ? leases : leases.skip;

/** @returns what each line said */
function run(...lines: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "scsigate-udhcpc-"));
  const setup = [
    "mount -t sysfs sysfs /sys; ip link add eth0 type veth peer name other; ip link set eth0 up; ip link set other up",
    `export RUN=${folder} METRIC=100 interface=eth0`,
    `lease() { env "$@" sh ${script} bound; }`,
    "routes() { ip -4 route show dev eth0 | grep -v 'proto kernel' | sed 's/ *$//' | sort | paste -sd ';'; }",
    "mtu() { cat /sys/class/net/eth0/mtu; }",
  ];
  try {
    return runInNamespaces([...setup, ...lines].join("\n")).said;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("what the next network does not tell goes back to what it was", () => {
  assert.equal(
    run(
      "lease ip=192.168.77.9 mask=24 mtu=1400 dns=192.168.77.1 staticroutes='0.0.0.0/0 192.168.77.1 10.9.0.0/16 192.168.77.2' lease=600",
      "mtu; routes; cat $RUN/resolv.conf",
      "lease ip=172.16.0.9 mask=16 router=172.16.0.1 lease=600",
      "mtu; routes; wc -c <$RUN/resolv.conf; ip -o -4 address show dev eth0 | awk '{ print $4 }'",
    ),
    [
      "1400",
      "10.9.0.0/16 via 192.168.77.2 metric 100;default via 192.168.77.1 metric 100",
      "nameserver 192.168.77.1",
      "1500",
      "default via 172.16.0.1 metric 100",
      "0",
      "172.16.0.9/16",
    ],
  );
});

test("the router of a lease of a single address is on the link", () => {
  assert.equal(run("lease ip=203.0.113.9 mask=32 router=198.51.100.1 lease=600", "routes"), [
    "default via 198.51.100.1 metric 100 onlink",
  ]);
});

test("a lease that is refused takes its routes and its MTU along", () => {
  assert.equal(
    run(
      "lease ip=192.168.77.9 mask=24 mtu=1400 router=192.168.77.1 lease=600",
      `sh ${script} nak`,
      'mtu; echo "routes: $(routes)"; echo "addresses:$(ip -o -4 address show dev eth0)"',
    ),
    ["1500", "routes: ", "addresses:"],
  );
});

leases.run();
