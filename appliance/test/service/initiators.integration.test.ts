// SPDX-License-Identifier: Apache-2.0
// Settings of stations that go by an initiator's name, through the API.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { StationChange, StationView } from "../../src/api/stations.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { ApiClient } from "../support/apiClient.ts";
import { STATION_A, STATION_B, startGateway, until, writePeer } from "../support/gateway.ts";

const NEXT = "02:11:22:33:44:1a";
const ONE = "iqn.2026-11.org.scsigate:station-a";
const TWO = "iqn.2026-11.org.scsigate:station-b";
const STRANGER = "iqn.2026-11.org.scsigate:stranger";
const FABRIC = { type: "iscsi", target: "iqn.2026-11.org.scsigate:seg0", initiators: [ONE, TWO] };

test("settings by initiator follow it to another address, over a restart too, and keep it out when it is blocked", async () => {
  const stations = [{ initiator: TWO, name: "never-here" }];
  const options = { config: { version: 1, segments: [{ name: "seg0", fabric: FABRIC, stations }] } };
  let gateway = await startGateway({
    ...options,
    before: (tree) => {
      writePeer(tree, "seg0", STATION_A, { nexus: ONE });
      writePeer(tree, "seg0", STATION_B, { nexus: STRANGER });
    },
  });
  try {
    const api = await ApiClient.open(() => gateway.service.ports.https);
    await api.setUp(gateway.token, "correct horse battery");
    const path = (address: string) => `/api/v1/stations/${encodeURIComponent(address)}`;
    const look = async (address: string) => (await api.call("GET", path(address))).json as StationView;
    const change = async (address: string, body: StationChange) => {
      const { status, json } = await api.call("PATCH", path(address), body);
      return status === 200 ? "done" : (json as { title: string }).title;
    };
    const saved = () => {
      const text = readFileSync(join(gateway.tree.root, "data/config.json"), "utf8");
      return (JSON.parse(text) as { segments: { stations: unknown[] }[] }).segments[0]?.stations;
    };
    const planned = <K extends Operation["kind"]>(kind: K) =>
      gateway.plans
        .at(-1)
        ?.groups.flatMap(({ operations }) => operations)
        .find((one): one is Extract<Operation, { kind: K }> => one.kind === kind);

    const unseen = await look(TWO);
    assert.equal([unseen.address, unseen.initiator, unseen.name, unseen.live], [TWO, TWO, "never-here", null]);
    assert.is(await change(TWO, { initiator: null }), `${TWO} was never here: its address is not known`);
    assert.is(
      await change(STATION_B, { initiator: STRANGER }),
      `station ${STATION_B}: nothing proves its initiator's name`,
    );
    assert.is(await change(STATION_A, { initiator: TWO }), `station ${STATION_A}: it is the initiator ${ONE}`);

    // From its address to its initiator, with what was said of it before.
    assert.is(await change(STATION_A, { name: "node-1" }), "done");
    assert.is((await look(STATION_A)).provenInitiator, ONE);
    const { json } = await api.call("PATCH", path(STATION_A), { initiator: ONE, reservedIp: "10.143.0.40" });
    const now = json as StationView;
    assert.equal([now.initiator, now.configuredName, now.reservedIp], [ONE, "node-1", "10.143.0.40"], "at once");
    assert.equal(saved(), [stations[0], { initiator: ONE, name: "node-1", ipv4: "10.143.0.40" }]);
    await until("DHCP", () => planned("dnsmasq")?.hosts?.at(-1)?.address === STATION_A);

    // The host has another station address, and then the service is started anew.
    writePeer(gateway.tree, "seg0", STATION_A, { nexus: ONE, state: "down" });
    writePeer(gateway.tree, "seg0", NEXT, { nexus: ONE });
    assert.is(await change(TWO, { name: "still-not" }), "done");
    // Two things are new, and there may be a plan with one of them.
    await until("DHCP", () => {
      const hosts = planned("dnsmasq")?.hosts ?? [];
      return hosts.some(({ address }) => address === NEXT) && hosts.some(({ name }) => name === "still-not");
    });
    assert.equal(planned("dnsmasq")?.hosts, [
      { address: NEXT, ipv4: "10.143.0.40", name: "node-1" },
      { name: "still-not" },
    ]);
    for (const address of [NEXT, ONE]) assert.is((await look(address)).configuredName, "node-1");
    const { tree } = gateway;
    await gateway.service.stop();
    writePeer(tree, "seg0", NEXT, { nexus: "", state: "down" });
    gateway = await startGateway({
      ...options,
      config: JSON.parse(tree.read("data/config.json") ?? "") as unknown,
      tree,
    });
    await until("a plan", () => planned("dnsmasq") !== undefined);
    assert.ok(planned("dnsmasq")?.hosts?.some(({ address, name }) => address === NEXT && name === "node-1"));

    // Blocked: no address helps; and nobody else's packets take another way.
    const again = await ApiClient.open(() => gateway.service.ports.https);
    again.headers = api.headers;
    writePeer(gateway.tree, "seg0", NEXT, { nexus: ONE });
    const blocked = await again.call("PATCH", path(ONE), { access: "block" });
    assert.is(blocked.status, 200, blocked.body);
    await until("the access list", () => planned("iscsiTarget")?.initiators.includes(ONE) === false);
    assert.equal(planned("iscsiTarget")?.initiators, [TWO]);
    assert.equal(planned("stationFilter")?.blocked, []);
    await until("the live state", async () => (await look(NEXT)).live?.blocked === true);
  } finally {
    await gateway.stop();
  }
});

test("two hosts that say one initiator name: the settings stay with one, and it is told", async () => {
  const config = {
    version: 1,
    segments: [{ name: "seg0", fabric: FABRIC, stations: [{ initiator: ONE, name: "node-1" }] }],
  };
  const gateway = await startGateway({ config });
  try {
    const api = await ApiClient.open(() => gateway.service.ports.https);
    const health = async () => (await api.call("GET", "/health")).body;
    await until("the problem", async () => (await health()).includes(`its settings are for ${STATION_A} alone`));
    assert.match(await health(), `2 stations on seg0 are the initiator ${ONE}`);
    const list = (await api.call("GET", "/api/v1/stations")).json as StationView[];
    assert.equal(
      list.map(({ configuredName }) => configuredName),
      ["node-1", null],
    );
    writePeer(gateway.tree, "seg0", STATION_B, { nexus: TWO });
    await until("it is over", async () => !/initiator-twice/.test(await health()));
  } finally {
    await gateway.stop();
  }
});

test.run();
