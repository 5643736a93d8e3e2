// SPDX-License-Identifier: Apache-2.0
// Static routes with the real ip, in a network namespace: how the kernel prints them, and what it does not take.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { StaticRoute } from "../../src/protocol/operations.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const routes = suite("static routes in a namespace");
const test = hasNamespaces ? routes : routes.skip;
const source = join(import.meta.dirname, "../../src");

function route(destination: string, via: string, metric = 100): StaticRoute {
  return { destination, via, interface: "eth0", metric };
}

/** Sets one list after the other, each twice, as the executor does; prints what each changed, and what is ours then. */
function setLists(lists: readonly StaticRoute[][], ...before: string[]): string[] {
  const run = mkdtempSync(join(tmpdir(), "scsigate-routes-"));
  const file = join(run, "set.mts");
  writeFileSync(
    file,
    `import { setStaticRoutes } from ${JSON.stringify(join(source, "executor/operations/network.ts"))};
    import { runCommand } from ${JSON.stringify(join(source, "shared/commands.ts"))};
    const context = { paths: { run: ${JSON.stringify(run)}, proc: "/proc", sys: "/sys" }, run: runCommand };
    for (const routes of ${JSON.stringify(lists)}) {
      const did = [];
      for (const time of [1, 2]) {
        const operation = { kind: "staticRoutes", routes };
        did.push(await setStaticRoutes(operation, context).catch(({ code, message }) => code + ": " + message.split("\\n")[0]));
      }
      const table = await Promise.all(["-4", "-6"].map((family) => runCommand("ip", [family, "route", "show", "proto", "83"])));
      console.log(did.join(", "));
      console.log(table.join("").trim().split("\\n").map((line) => line.trim()).join("; "));
    }`.replaceAll("\\\\n", "\\n"),
  );
  try {
    const script = [
      "set -e; ip link set lo up; ip link add eth0 type veth peer name other; ip link set other up; ip link set eth0 up",
      "ip address add 192.168.77.9/24 dev eth0; ip address add fd77::9/64 dev eth0 nodad",
      ...before,
      `${process.execPath} --import tsx ${file}`,
    ];
    return runInNamespaces(script.join("\n")).said;
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

test("routes of both versions come, change, and go; those of others stay", () => {
  const said = setLists(
    [
      [],
      [
        route("10.50.0.0/16", "192.168.77.2"),
        route("10.51.0.1/32", "192.168.77.2", 7),
        route("2001:db8:7:0::/64", "fd77:0::2"),
        route("::/0", "fd77::2"),
      ],
      [route("10.50.0.0/16", "192.168.77.3"), route("10.50.0.0/16", "192.168.77.4", 200)],
      [],
    ],
    "ip route add 10.9.0.0/16 via 192.168.77.2",
    "trap 'ip route show 10.9.0.0/16' EXIT",
  );
  assert.equal(said, [
    "false, false",
    "",
    "true, false",
    "10.50.0.0/16 via 192.168.77.2 dev eth0 metric 100; 10.51.0.1 via 192.168.77.2 dev eth0 metric 7; " +
      "2001:db8:7::/64 via fd77::2 dev eth0 metric 100 pref medium; default via fd77::2 dev eth0 metric 100 pref medium",
    "true, false",
    "10.50.0.0/16 via 192.168.77.3 dev eth0 metric 100; 10.50.0.0/16 via 192.168.77.4 dev eth0 metric 200",
    "true, false",
    "",
    "10.9.0.0/16 via 192.168.77.2 dev eth0",
  ]);
});

test("a route that the kernel does not take is told, and the others are there", () => {
  const [did, table] = setLists([[route("10.50.0.0/16", "172.16.0.1"), route("10.51.0.0/16", "192.168.77.2")]]);
  assert.match(did ?? "", /^route-unusable: the kernel does not take 10\.50\.0\.0\/16 via 172\.16\.0\.1: /);
  assert.is(table, "10.51.0.0/16 via 192.168.77.2 dev eth0 metric 100");
});

routes.run();
