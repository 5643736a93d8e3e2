// SPDX-License-Identifier: Apache-2.0
// Addresses with the real ip, in a network namespace: a stand-in for it knows nothing of what the kernel takes away with an address.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const addresses = suite("addresses in a namespace");
const test = hasNamespaces ? addresses : addresses.skip;
const source = join(import.meta.dirname, "../../src");

/** A program that sets the addresses one after the other, as the executor does. */
function setter(run: string, list: readonly string[]): string {
  const file = join(run, `set-${list.join("-").replaceAll("/", "-")}.mts`);
  writeFileSync(
    file,
    `import { setAddress } from ${JSON.stringify(join(source, "executor/operations/network.ts"))};
    import { runCommand } from ${JSON.stringify(join(source, "shared/commands.ts"))};
    const paths = { run: ${JSON.stringify(run)}, proc: "/proc", sys: "/sys" };
    for (const address of ${JSON.stringify(list)}) {
      await setAddress({ kind: "address", interface: "eth0", address }, { paths, run: runCommand } as never);
    }`,
  );
  return `${process.execPath} --import tsx ${file}`;
}

/** What a script says that has a folder of its own. */
function saidBy(script: (run: string) => string): string[] {
  const run = mkdtempSync(join(tmpdir(), "scsigate-address-"));
  try {
    return runInNamespaces(script(run)).said;
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

test("an address that changes within its subnet is there afterwards, and alone", () => {
  const said = saidBy(
    (run) => `
      set -e
      ip link add eth0 type veth peer name other && ip link set eth0 up
      echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries
      echo 0 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries
      ${setter(run, ["192.168.77.9/24", "192.168.77.10/24"])}
      ip -o -4 address show dev eth0 | awk '{ print $4 }'`,
  );
  assert.equal(said, ["192.168.77.10/24"]);
});

test("with an address go the neighbours of its network: who had which address there is told no more", () => {
  const said = saidBy(
    (run) => `
      set -e
      ip link add eth0 type veth peer name other && ip link set eth0 up
      ${setter(run, ["192.168.77.9/24"])}
      ip neighbour add 192.168.77.20 lladdr 02:00:00:00:00:0a dev eth0 nud stale
      ip -4 neighbour show dev eth0 | awk '{ print $1 }'
      ${setter(run, ["10.77.0.1/24"])}
      ip -4 neighbour show dev eth0`,
  );
  assert.equal(said, ["192.168.77.20"]);
});

addresses.run();
