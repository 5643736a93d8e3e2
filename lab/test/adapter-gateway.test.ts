// SPDX-License-Identifier: Apache-2.0
// A real Linux at both ends of the adapter: a host whose LSI53C895A and ipscsi.ko are on the modelled bus, by an iSCSI target
// that drives it, and the gateway, which has the emulated board on USB.
import * as assert from "uvu/assert";
import { EmulatedAdapter } from "../src/rigs/adapter.ts";
import { api } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { busTarget, plugAdapter, adapter as topology } from "../src/topologies/adapter.ts";
import { lanAddresses } from "../src/topologies/cluster.ts";
import type { Vm } from "../src/vm/vm.ts";

/** For the emulated board, some ten times slower than a real one: milliseconds. */
const PATIENCE = 120_000;
/** KiB of the file: some of it waits for the board for every KiB of it. */
const FILE_KIB = 256;

interface Link {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string }[];
}

function address(station: Vm, wanted: RegExp): Promise<string> {
  return waitFor(
    `${station.name} to have an address`,
    async () => {
      const links = await station.json<Link[]>("ip -j -4 addr");
      const all = links.filter(({ ifname }) => ifname.startsWith("seg")).flatMap((link) => link.addr_info);
      return all.find(({ local }) => wanted.test(local))?.local;
    },
    { timeout: PATIENCE },
  );
}

/** Ten pings of the longest kind; each packet's bytes are compared. */
async function pings(from: Vm, to: string): Promise<void> {
  await waitFor(`${from.name} to reach ${to}`, async () => (await from.run(`ping -c 1 -W 10 ${to}`)).code === 0, {
    timeout: PATIENCE,
  });
  const { stdout } = await from.run(`ping -c 10 -i 0.2 -W 30 -s 1472 ${to}`, { timeout: PATIENCE });
  assert.match(stdout, " 10 received, 0% packet loss");
}

interface Status {
  readonly health: { readonly status: string; readonly reasons: readonly { readonly code: string }[] };
  readonly segments: readonly {
    readonly bus: { readonly state: string; readonly counters: Readonly<Record<string, number>> | null } | null;
    readonly stations: readonly { readonly name: string; readonly ip: string | null; readonly state: string }[];
  }[];
}

const status = (gateway: Vm): Promise<Status> => api<Status>(gateway, "GET", "status");

async function healthy(gateway: Vm): Promise<void> {
  await waitFor("the gateway to be well", async () => (await status(gateway)).health.status === "ok", {
    timeout: PATIENCE,
  });
}

let adapter: EmulatedAdapter | undefined;

const tests = scenario("adapter-gateway", topology, {
  before: async ({ ports }) => {
    adapter = await EmulatedAdapter.withHosts(ports, busTarget);
  },
  finish: async () => adapter?.stop(),
});

tests.test(
  "the host behind the adapter gets an address by DHCP, and the supervisor shows bus and host",
  async (bench) => {
    const gateway = bench.vm("gateway");
    const own = await address(bench.vm("station-c"), /^10\.143\.0\./);
    const segment = await waitFor(
      "the gateway to show it",
      async () => {
        const [seg0] = (await status(gateway)).segments;
        return seg0?.bus?.state === "working" && seg0.stations[0]?.ip === own && seg0;
      },
      { timeout: PATIENCE },
    );
    assert.equal(
      segment.stations.map(({ name, state }) => [name, state]),
      [["station-c", "up"]],
    );
    const { counters } = segment.bus ?? {};
    assert.ok((counters?.["commands"] ?? 0) > 0);
    assert.equal([counters?.["parityErrors"], counters?.["timeouts"]], [0, 0]);
    await healthy(gateway);
  },
);

tests.test("it reaches the LAN, and the LAN it", async (bench) => {
  const [lan, station] = [bench.vm("lan"), bench.vm("station-c")];
  await pings(station, lanAddresses.lan);
  await pings(lan, await address(station, /^10\.143\.0\./));
});

tests.test("a file comes from the LAN undamaged", async (bench) => {
  const lan = bench.vm("lan");
  const sum = await lan.ok(`cd /run/lab/www && dd if=/dev/urandom of=file bs=1K count=${FILE_KIB} && sha256sum <file`);
  const got = await bench
    .vm("station-c")
    .ok(`curl -sf http://${lanAddresses.lan}/file | sha256sum`, { timeout: PATIENCE });
  assert.is(got, sum);
});

tests.test("it reaches a station on another segment, and that one it", async (bench) => {
  const [a, c] = [bench.vm("station-a"), bench.vm("station-c")];
  await pings(c, await address(a, /^10\.143\.1\./));
  await pings(a, await address(c, /^10\.143\.0\./));
});

tests.test("pulled out and plugged in again: health says both, and the host reaches the LAN again", async (bench) => {
  const gateway = bench.vm("gateway");
  adapter?.unplug();
  await waitFor(
    "health to tell",
    async () => (await status(gateway)).health.reasons.some(({ code }) => code === "adapter-absent"),
    { timeout: PATIENCE },
  );
  await waitFor("its network to be up", async () => (await gateway.run(plugAdapter)).code === 0, { timeout: PATIENCE });
  await pings(bench.vm("station-c"), lanAddresses.lan);
  await healthy(gateway);
});

tests.run();
