// SPDX-License-Identifier: Apache-2.0
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CheckState, DiagnosisCheck } from "../../../src/api/diagnosis.ts";
import type { SegmentStatus, StationStatus, Status } from "../../../src/api/status.ts";
import { diagnose, type Facts, findingsOf } from "../../../src/service/diagnosis/diagnose.ts";
import { probeClock, probeReach, readExport } from "../../../src/service/diagnosis/probes.ts";
import type { ExecutorLink } from "../../../src/service/environment.ts";
import type { ErrorCode } from "../../../src/shared/errors.ts";
import { configOf } from "../../support/telemetryRig.ts";
import { temporaryTree } from "../../support/tree.ts";

const TARGET = "iqn.2026-11.org.scsigate:seg0";
const DOCUMENT = {
  version: 1,
  hostname: "gateway",
  storage: { interface: "eth1" },
  segments: [{ name: "seg0", fabric: { type: "iscsi", target: TARGET, initiators: ["iqn.2026-11.org.scsigate:a"] } }],
  mqtt: { enabled: true, url: "mqtt://broker.lan:1883" },
};

const LINK = { mac: "52:54:00:00:00:01", mtu: 1500, carrier: true } as const;
const STATION = { name: "a", address: "02:00:00:00:00:0a", state: "up", ip: "10.143.0.20", adapter: "iscsi" };
const SEGMENT = { name: "seg0", present: true, address: "02:00:00:00:00:01", ips: ["10.143.0.1/24"], mtu: 65280 };

function station(more: Partial<StationStatus> = {}): StationStatus {
  return { ...STATION, ...more } as StationStatus;
}

function segment(more: Partial<SegmentStatus> = {}): Status["segments"] {
  return [{ ...SEGMENT, stations: [station()], ...more } as SegmentStatus];
}

function status(more: Partial<Status> = {}): Status {
  return {
    id: "525400123456",
    time: Date.UTC(2026, 10, 23),
    lan: { ...LINK, interface: "eth0", addresses: ["10.0.2.20/24"] },
    storage: { ...LINK, interface: "eth1", addresses: ["10.9.0.1/24"] },
    segments: segment(),
    localUrl: "https://gateway.local/",
    encryption: null,
    mqtt: { enabled: true, connected: true, url: "mqtt://broker.lan:1883", error: null },
    health: { status: "ok", reasons: [] },
    ...more,
  } as Status;
}

const MODULES = ["ipscsi", "target_core_mod", "ipscsi_target", "iscsi_target_mod"];

function facts(more: Partial<Facts> = {}): Facts {
  return {
    status: status(),
    config: configOf(DOCUMENT),
    modules: new Set(MODULES),
    exports: new Map([["seg0", { lun: true, sessions: 1 }]]),
    forwarding: true,
    firewallProblem: undefined,
    router: "10.0.2.1",
    reach: { answer: "ping", milliseconds: 0.4 },
    names: { servers: ["10.0.2.1"], answered: "10.0.2.1", wanted: { name: "broker.lan", known: true } },
    clock: { keeper: true, offset: 0.001 },
    targetPorts: 1,
    ...more,
  };
}

function find(checks: readonly DiagnosisCheck[], id: string): DiagnosisCheck {
  const found = checks.find((check) => check.id === id);
  assert.ok(found, id);
  return found as DiagnosisCheck;
}

const diagnosis = suite("diagnosis");

diagnosis("a gateway that works is green from the adapter to the broker, with what was measured", () => {
  const { state, checks } = diagnose(facts());
  assert.is(state, "good");
  assert.equal(
    checks.map(({ id }) => id),
    [
      ...["driver", "segment", "export", "station", "station-address", "gateway-address"],
      ...["forwarding", "lan-link", "lan-address", "local-name", "lan-router", "dns", "clock", "broker", "machine"],
    ],
  );
  for (const check of checks) {
    assert.is(check.state, "good", check.id);
    assert.is(check.nextStep, null);
    assert.ok(check.measured.length > 3, check.id);
  }
  assert.match(find(checks, "forwarding").measured, "needs a route to 10.143.0.0/24 via 10.0.2.20");
});

diagnosis(
  "an adapter on USB: its drivers are asked for, and what it says is told; without it, nothing behind is guessed at",
  () => {
    const serial = "E66160F423782A2C";
    const config = configOf({ ...DOCUMENT, segments: [{ name: "seg0", fabric: { type: "adapter", serial } }] });
    const bus = { serial, state: "working", problem: null, firmware: "0.1.0", scsiId: 4 } as SegmentStatus["bus"];
    const own = { config, modules: new Set(["cdc_acm", "cdc_ncm"]), exports: new Map() };
    const works = diagnose(facts({ ...own, status: status({ segments: segment({ bus }) }) }));
    assert.is(works.state, "good");
    assert.match(find(works.checks, "driver").measured, serial);
    assert.match(find(works.checks, "export").measured, "SCSI ID 4");
    const problem = {
      code: "adapter-absent" as const,
      message: "it is not plugged in",
      nextStep: "Check its USB cable.",
    };
    const gone = { ...bus, state: "absent", problem } as SegmentStatus["bus"];
    const { checks } = diagnose(
      facts({ ...own, status: status({ segments: segment({ bus: gone, present: false }) }) }),
    );
    assert.equal([find(checks, "driver").state, find(checks, "driver").nextStep], ["bad", "Check its USB cable."]);
    assert.is(find(checks, "segment").state, "unknown");
    const without = diagnose(facts({ ...own, modules: new Set(["ipscsi"]) }));
    assert.match(find(without.checks, "driver").measured, "cdc_acm, cdc_ncm");
  },
);

/** What is broken, the check that tells it, its state, and words of the next step. */
const BROKEN: [string, Partial<Facts>, string, CheckState, string][] = [
  ["a module is missing", { modules: new Set(["ipscsi"]) }, "driver", "bad", "modprobe target_core_mod"],
  [
    "the storage link is down",
    { status: status({ storage: { ...status().lan, interface: "eth1", carrier: false } }) },
    "driver",
    "bad",
    "cable",
  ],
  [
    "the storage adapter is gone",
    { status: status({ storage: { ...status().lan, interface: null } }) },
    "driver",
    "bad",
    "storage.interface",
  ],
  ["the segment is gone", { status: status({ segments: segment({ present: false }) }) }, "segment", "bad", "log"],
  ["nothing is exported", { exports: new Map() }, "export", "bad", "log"],
  [
    "no fabric is chosen",
    {
      config: configOf({ ...DOCUMENT, segments: [{ name: "seg0" }] }),
      status: status({ segments: segment({ stations: [] }) }),
    },
    "export",
    "warn",
    "Network",
  ],
  [
    "nobody has logged in",
    {
      exports: new Map([["seg0", { lun: true, sessions: 0 }]]),
      status: status({ segments: segment({ stations: [] }) }),
    },
    "station",
    "warn",
    TARGET,
  ],
  [
    "no station is there",
    { status: status({ segments: segment({ stations: [] }) }) },
    "station",
    "warn",
    "modprobe ipscsi",
  ],
  [
    "no station answers",
    { status: status({ segments: segment({ stations: [station({ state: "down" })] }) }) },
    "station",
    "bad",
    "termination",
  ],
  [
    "one of two does not answer",
    { status: status({ segments: segment({ stations: [station(), station({ name: "b", state: "stalled" })] }) }) },
    "station",
    "warn",
    "power",
  ],
  [
    "a station has no address",
    { status: status({ segments: segment({ stations: [station({ ip: null })] }) }) },
    "station-address",
    "bad",
    "DHCP client",
  ],
  [
    "a station has an address of another subnet",
    {
      status: status({
        segments: segment({ stations: [station(), station({ name: "b", ip: "10.9.9.9", answers: true })] }),
      }),
    },
    "station-address",
    "bad",
    "ask for an address anew",
  ],
  [
    "a station does not answer at its address",
    {
      status: status({
        segments: segment({ stations: [station(), station({ name: "b", ip: "10.143.0.21", answers: false })] }),
      }),
    },
    "station-address",
    "warn",
    "interface",
  ],
  [
    "the gateway has none there",
    { status: status({ segments: segment({ ips: [] }) }) },
    "gateway-address",
    "bad",
    "ipv4.address",
  ],
  ["forwarding is off", { forwarding: false }, "forwarding", "bad", "ten seconds"],
  [
    "the firewall was not loaded",
    { firewallProblem: { code: "operation-failed", message: "nft: no", nextStep: "Install nft." } },
    "forwarding",
    "bad",
    "Install nft.",
  ],
  [
    "the LAN cable is out",
    { status: status({ lan: { ...status().lan, carrier: false } }) },
    "lan-link",
    "bad",
    "cable",
  ],
  [
    "there is no LAN adapter",
    { status: status({ lan: { ...status().lan, interface: null } }) },
    "lan-link",
    "bad",
    "adapter",
  ],
  [
    "DHCP gave nothing",
    { status: status({ lan: { ...status().lan, addresses: [] } }) },
    "lan-address",
    "bad",
    "DHCP server",
  ],
  ["there is no router", { router: undefined, reach: undefined }, "lan-router", "warn", "gateway"],
  ["the router is gone", { reach: { answer: "nobody" } }, "lan-router", "bad", "router"],
  ["the router is silent", { reach: { answer: "silent" } }, "lan-router", "warn", "router"],
  [
    "no name server is known",
    { names: { servers: [], answered: null, wanted: null } },
    "dns",
    "warn",
    "names.nameServers",
  ],
  [
    "no name server answers",
    { names: { servers: ["10.0.2.1"], answered: null, wanted: null } },
    "dns",
    "bad",
    "names.nameServers",
  ],
  [
    "the broker's name is unknown",
    { names: { servers: ["10.0.2.1"], answered: "10.0.2.1", wanted: { name: "broker.lan", known: false } } },
    "dns",
    "bad",
    "mqtt.url",
  ],
  [
    "another machine has the name",
    { status: status({ localUrl: "https://gateway-2.local/" }) },
    "local-name",
    "warn",
    "another hostname",
  ],
  ["the clock was never set", { status: status({ time: 1000 }) }, "clock", "bad", "NTP"],
  ["the clock is not synchronised", { clock: { keeper: true, offset: null } }, "clock", "warn", "NTP"],
  ["the clock is far off", { clock: { keeper: true, offset: 30 } }, "clock", "warn", "corrected"],
  [
    "the broker refuses",
    { status: status({ mqtt: { ...status().mqtt, connected: false, error: "Connection refused: Not authorized" } }) },
    "broker",
    "bad",
    "mqtt.username",
  ],
];

for (const [what, more, id, state, words] of BROKEN) {
  diagnosis(`${what}: that link is ${state}, and says what to do`, () => {
    const result = diagnose(facts(more));
    const check = find(result.checks, id);
    assert.is(check.state, state);
    assert.is(result.state, state);
    assert.ok(check.nextStep?.includes(words), `${check.nextStep}`);
    // One cause, one red link: what hangs on it is not guessed at.
    assert.equal(
      result.checks.filter((one) => one.state === state).map((one) => one.id),
      [id],
    );
  });
}

diagnosis(
  "addresses that others give, or that were set by hand, need not be known here; one that is known still counts",
  () => {
    const verdict = (of: object, ip: string | null = null) => {
      const config = configOf({ ...DOCUMENT, segments: [{ ...DOCUMENT.segments[0], ...of }] });
      return find(
        diagnose(facts({ config, status: status({ segments: segment({ stations: [station({ ip })] }) }) })).checks,
        "station-address",
      ).state;
    };
    assert.is(verdict({}), "bad");
    assert.is(verdict({ dhcp: { enabled: false } }), "warn");
    assert.is(verdict({ ipv4: { address: "10.143.0.1/24" }, extend: { vni: 100, peers: ["10.0.2.21"] } }), "off");
    assert.is(verdict({ dhcp: { enabled: false } }, "10.9.9.9"), "bad");
  },
);

diagnosis("nothing exported: whether there is an adapter that could", () => {
  const config = configOf({ ...DOCUMENT, segments: [{ name: "seg0" }] });
  const [segment] = status().segments;
  const empty = status({ segments: segment === undefined ? [] : [{ ...segment, fabric: "none", stations: [] }] });
  const verdict = (targetPorts: number) =>
    find(diagnose(facts({ config, status: empty, exports: new Map(), targetPorts })).checks, "export");
  assert.is(verdict(1).measured, "nothing exports the segment");
  assert.match(verdict(0).measured, "no SCSI adapter that can be a target was found");
  assert.is(verdict(0).state, "warn");
});

diagnosis("encryption: a gateway without a handshake, one that may still come, all of them; none to speak to", () => {
  const at = (state: string, lastHandshake: number | null = null) => {
    const peers = [{ address: "10.9.0.1", state, lastHandshake }];
    const encryption = { publicKey: "K", port: 51820, peers } as Status["encryption"];
    return find(diagnose(facts({ status: status({ encryption }) })).checks, "encryption");
  };
  const silent = at("silent", Date.UTC(2026, 10, 22));
  assert.is(silent.state, "warn");
  assert.match(silent.measured, "no handshake with gateway 10.9.0.1 since 2026-11-22T00:00:00.000Z");
  assert.match(silent.nextStep ?? "", "public key, address and port");
  assert.match(at("own-key").measured, "this gateway's own");
  assert.is(at("waiting").state, "unknown");
  assert.is(at("good").state, "good");
  const alone = { publicKey: "K", port: 51820, peers: [] };
  assert.not(diagnose(facts({ status: status({ encryption: alone }) })).checks.some(({ id }) => id === "encryption"));
});

diagnosis("mesh: no key, no BIRD, nobody there, a subnet twice; and well", () => {
  const config = configOf({ ...DOCUMENT, mode: "mesh", mesh: { key: "0123456789abcdef0123456789abcdef" } });
  const mesh = { running: true, neighbours: [], routes: [], peers: [], clashes: [] };
  const clash = { segment: "seg0", destination: "10.143.0.0/24", via: "fe80::2" };
  const neighbour = { address: "fe80::2", interface: "eth0", peer: null, metric: 96, routes: 1 };
  const cases: [Status["mesh"], CheckState, string][] = [
    [null, "bad", "mesh.key"],
    [{ ...mesh, running: false }, "bad", "log"],
    [{ ...mesh, clashes: [clash] }, "bad", "another subnet"],
    [{ ...mesh, peers: [{ address: "10.1.1.1", reached: false }] }, "warn", "mesh.peers"],
    [mesh, "warn", "mesh.key"],
    [{ ...mesh, neighbours: [neighbour] }, "good", "null"],
  ];
  for (const [value, state, words] of cases) {
    const check = find(diagnose(facts({ config, status: status({ mesh: value }) })).checks, "mesh");
    assert.is(check.state, state);
    assert.ok(String(check.nextStep).includes(words), String(check.nextStep));
  }
  assert.is(
    diagnose(facts()).checks.some(({ id }) => id === "mesh"),
    false,
  );
});

diagnosis("what is not wanted is off, and no reason to worry", () => {
  const config = configOf({ version: 1, mode: "bridge", segments: [{ name: "seg0" }], mdns: { enabled: false } });
  const mqtt = { ...status().mqtt, enabled: false, connected: false };
  const { state, checks } = diagnose(
    facts({ config, status: status({ mqtt }), clock: { keeper: false, offset: null } }),
  );
  assert.is(state, "good");
  for (const id of ["export", "gateway-address", "local-name", "broker"]) assert.is(find(checks, id).state, "off", id);
  assert.is(find(checks, "clock").state, "unknown");
});

diagnosis(
  "a name on the LAN: none is no fault, a host's own is as good, the next number is somebody else's doing",
  () => {
    const state = (hostname: string, localUrl: string | null) => {
      const config = configOf({ ...DOCUMENT, hostname });
      return find(diagnose(facts({ config, status: status({ localUrl }) })).checks, "local-name").state;
    };
    assert.is(state("gateway", null), "unknown");
    assert.is(state("Rack-4", "https://rack-4.local/"), "good");
    assert.is(state("scsigate", "https://debian.local:8443/"), "good");
    assert.is(state("rack-4", "https://rack-5.local/"), "warn");
    assert.is(state("a".repeat(63), `https://${"a".repeat(61)}-2.local/`), "warn");
  },
);

diagnosis("what is broken is a reason of health; what health knows else is broken here as well", () => {
  const broken = diagnose(facts({ reach: { answer: "nobody" }, exports: new Map() }));
  assert.equal(
    findingsOf(broken).map(({ key, problem: { code } }) => [key, code]),
    [
      ["seg0 export", "segment-not-exported"],
      ["null lan-router", "lan-router-gone"],
    ],
  );
  assert.match(findingsOf(broken)[0]?.problem.message ?? "", "segment seg0, export to hosts: ");
  assert.equal(findingsOf(diagnose(facts())), []);
  const reason = (code: ErrorCode) => ({ code, message: "it is hot", nextStep: "Cool it." });
  const judge = (...codes: ErrorCode[]) =>
    diagnose(facts({ status: status({ health: { status: "degraded", reasons: codes.map(reason) } }) }));
  const hot = judge("board-hot");
  assert.equal([hot.state, find(hot.checks, "machine").measured], ["bad", "it is hot"]);
  assert.equal(findingsOf(hot), [], "and health does not hear its own words");
  assert.is(judge("lan-router-gone", "broker-unreachable").state, "good", "others tell of these");
});

const probes = suite("probes");

probes("the router: by ping, by ARP, or not at all", async () => {
  const answers = async (received: number | undefined, states: string[]) =>
    probeReach(
      {
        run: async () => (states.length === 0 ? "" : JSON.stringify([{ dst: "127.0.0.1", state: states }])),
        executor: {
          ping: async () =>
            received === undefined
              ? ""
              : `1 packets transmitted, ${received} received, 0% packet loss\nrtt min/avg/max/mdev = 0.4/0.42/0.5/0.1 ms\n`,
        } as unknown as ExecutorLink,
      },
      "127.0.0.1",
      "lo",
    );
  assert.equal(await answers(1, []), { answer: "ping", milliseconds: 0.42 });
  assert.equal(await answers(undefined, ["REACHABLE"]), { answer: "arp" }, "a ping that says nothing");
  assert.equal(await answers(0, ["REACHABLE"]), { answer: "arp" });
  assert.equal(await answers(0, ["STALE"]), { answer: "silent" });
  assert.equal(await answers(0, ["FAILED"]), { answer: "nobody" });
  assert.equal(await answers(0, []), { answer: "nobody" });
});

probes("the clock: what chrony says, when it is there", async () => {
  const line = (stratum: number, leap: string) =>
    `A9FEA97B,10.0.2.1,${stratum},1763862000.1,-0.000012,0,0,0,0,0,0,0,0,${leap}\n`;
  assert.equal(await probeClock(async () => line(3, "Normal")), { keeper: true, offset: 0.000012 });
  assert.equal(await probeClock(async () => line(0, "Not synchronised")), { keeper: true, offset: null });
  const own = "7F7F0101,,10,1763862000.1,0.000000000,0,0,0,0,0,0,0,0,Normal\n";
  assert.equal(await probeClock(async () => own), { keeper: true, offset: null }, "nothing but our own clock");
  assert.equal(await probeClock(() => Promise.reject(new Error("no chronyc"))), { keeper: false, offset: null });
});

probes("an export is a LUN that leads to the segment, on a target that is switched on", () => {
  const tree = temporaryTree();
  const sys = join(tree.root, "sys");
  const target = "sys/kernel/config/target";
  assert.equal(readExport(sys, "seg0"), { lun: false, sessions: null });
  tree.write({
    [`${target}/core/ipscsi_0/seg0/enable`]: 1,
    [`${target}/iscsi/${TARGET}/tpgt_1/enable`]: 1,
    [`${target}/iscsi/${TARGET}/tpgt_1/lun/lun_0/alua_tg_pt_offline`]: 0,
    [`${target}/iscsi/${TARGET}/tpgt_1/acls/iqn.a/info`]: "No active iSCSI Session for Initiator Endpoint: iqn.a",
    [`${target}/iscsi/${TARGET}/tpgt_1/acls/iqn.b/info`]: "InitiatorName: iqn.b",
  });
  assert.equal(readExport(sys, "seg0"), { lun: false, sessions: null });
  const link = join(tree.root, target, "iscsi", TARGET, "tpgt_1/lun/lun_0/scsigate");
  symlinkSync("../../../../../../core/ipscsi_0/seg0", link);
  assert.equal(readExport(sys, "seg0"), { lun: true, sessions: 1 });
  assert.equal(readExport(sys, "seg1"), { lun: false, sessions: null });
  tree.write({ [`${target}/iscsi/${TARGET}/tpgt_1/enable`]: 0 });
  assert.equal(readExport(sys, "seg0"), { lun: false, sessions: 1 });
  tree.dispose();
});

diagnosis.run();
probes.run();
