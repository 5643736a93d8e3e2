// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SegmentStatus } from "../../src/api/status.ts";
import { formatStatus } from "../../src/cli/format.ts";
import type { Config } from "../../src/config/types.ts";
import { validate } from "../../src/config/validate.ts";
import { MeshWatch, meshStatus } from "../../src/service/mesh.ts";
import { renderMetrics } from "../../src/service/metrics/metrics.ts";
import { startGateway, until } from "../support/gateway.ts";

const KEY = "0123456789abcdef";
const seg0 = { name: "seg0", ipv4: { address: "10.143.0.1/24" } };

function config(document: object): Config {
  const result = validate({ version: 1, ...document });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

const neighbour = (address: string, name: string, metric = 96) => `${address} ${name} ${metric} 2 8 1.490 Yes\n`;
const route = (destination: string) =>
  `${destination} unicast [mesh 01:58:37.422 from fe80::1] * (130/96) [00:00:00:00:0a:8f:02:01]\n\tvia 192.168.77.3 on eth0\n`;
const SEGMENTS = [{ name: "seg0", ips: ["10.143.0.1/24", "fd00::1/64"] }] as SegmentStatus[];
const nothing = { neighbours: "", routes: "", refused: "" };

test("there is a mesh only in mode mesh, and with a key", () => {
  assert.is(meshStatus(config({}), nothing, []), null);
  assert.is(meshStatus(config({ mode: "mesh" }), nothing, []), null);
  assert.is(meshStatus(config({ mesh: { key: KEY } }), nothing, []), null);
  assert.equal(meshStatus(config({ mode: "mesh", mesh: { key: KEY } }), nothing, []), {
    running: true,
    neighbours: [],
    routes: [],
    peers: [],
    clashes: [],
  });
});

test("a neighbour in a tunnel is the gateway that the tunnel leads to; one without a way is none", () => {
  const document = config({ mode: "mesh", mesh: { key: KEY, peers: ["10.9.0.1", "10.9.0.2"] } });
  const neighbours =
    neighbour("fe80::1", "eth0") + neighbour("fe80::2", "mesh0a090001") + neighbour("fe80::3", "mesh0a090002", 65535);
  const status = meshStatus(document, { ...nothing, neighbours }, []);
  assert.equal(
    status?.neighbours.map(({ address, peer }) => [address, peer]),
    [
      ["fe80::1", null],
      ["fe80::2", "10.9.0.1"],
    ],
  );
  assert.equal(status?.peers, [
    { address: "10.9.0.1", reached: true },
    { address: "10.9.0.2", reached: false },
  ]);
});

test("our own subnet, announced by another gateway, is a clash, but not where the segment spans gateways", () => {
  const refused = route("10.143.0.0/24") + route("8.8.8.0/24");
  const clashes = (segment: object) => {
    const document = config({ mode: "mesh", mesh: { key: KEY }, segments: [{ ...seg0, ...segment }] });
    return meshStatus(document, { ...nothing, refused }, SEGMENTS)?.clashes;
  };
  assert.equal(clashes({}), [{ segment: "seg0", destination: "10.143.0.0/24", via: "192.168.77.3" }]);
  assert.equal(clashes({ extend: { vni: 1, peers: ["192.168.77.3"] } }), []);
});

test("what is wrong is told of when it stays wrong, and not any more when it is right again", () => {
  const watch = new MeshWatch();
  const well = { running: true, neighbours: [], routes: [], peers: [], clashes: [] };
  const codes = (status: Parameters<MeshWatch["update"]>[0], at: number) =>
    watch.update(status, at).map(({ code }) => code);
  const wrong = {
    ...well,
    peers: [{ address: "10.9.0.1", reached: false }],
    clashes: [{ segment: "seg0", destination: "10.143.0.0/24", via: "192.168.77.3" }],
  };
  assert.equal(codes({ ...well, running: false }, 0), []);
  assert.equal(codes({ ...well, running: false }, 15_000), ["mesh-down"]);
  assert.equal(codes(wrong, 20_000), []);
  assert.equal(codes(wrong, 35_000), ["mesh-peer-unreached", "mesh-subnet-taken"]);
  assert.equal(codes(well, 36_000), []);
  assert.equal(codes(wrong, 37_000), [], "anew");
  assert.equal(codes(null, 99_000), []);
});

test("the service shows the public key, and when the others were heard", async () => {
  const publicKey = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
  const theirs = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
  const gateway = await startGateway({
    config: {
      ...{ version: 1, mode: "mesh", mesh: { key: KEY, peers: ["10.9.0.1"] }, segments: [seg0] },
      encryption: { peers: [{ address: "10.9.0.1", publicKey: theirs }] },
    },
    wireguard: () => ({ publicKey, handshakes: `${theirs}\t1795000000\n` }),
  });
  const status = async () => JSON.parse((await gateway.get("/api/v1/status")).body);
  await until("an answer", async () => (await status()).encryption.publicKey === publicKey);
  const now = await status();
  assert.is(now.encryption.peers[0].state, "good");
  assert.match(
    formatStatus(now, null),
    `tunnels  public key of this gateway: ${publicKey}\n  10.9.0.1 encrypted, good, `,
  );
  await gateway.stop();
});

test("the service asks BIRD, and shows what it says in the status, on the command line and to Prometheus", async () => {
  const answers = { neighbours: neighbour("fe80::1", "eth0"), routes: route("10.200.0.0/24"), refused: "" };
  const gateway = await startGateway({
    config: { version: 1, mode: "mesh", mesh: { key: KEY }, segments: [seg0] },
    mesh: () => answers,
  });
  const status = async () => JSON.parse((await gateway.get("/api/v1/status")).body);
  await until("an answer", async () => (await status()).mesh.running === true);
  const now = await status();
  assert.equal(now.mesh.routes, [{ destination: "10.200.0.0/24", via: "192.168.77.3", interface: "eth0", metric: 96 }]);
  assert.match(
    formatStatus(now, null),
    "mesh     neighbours: 1, routes: 1\n  fe80::1 on eth0, told 2\n  10.200.0.0/24 via",
  );
  assert.match(renderMetrics(now, new Map(), 1), /^scsigate_mesh_routes 1$/m);
  assert.not.match(JSON.stringify(gateway.logs.last(1000)), KEY);
  await gateway.stop();
});

test.run();
