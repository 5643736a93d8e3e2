// SPDX-License-Identifier: Apache-2.0
// Blocking a station: what the executor does for it, and with real packets between network namespaces inside of one of our own.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../src/executor/executor.ts";
import { renderStationFilter } from "../../src/executor/operations/stationFilter.ts";
import type { Operation } from "../../src/protocol/operations.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";
import { writeSegment } from "../support/tree.ts";

const A = "02:11:22:33:44:0a";
const B = "02:11:22:33:44:0b";

const filter = suite<{ test: TestExecutor }>("station filter");
filter.before.each((context) => {
  context.test = testExecutor();
  const { tree } = context.test;
  writeSegment(tree, "seg0", { index: 5, address: "02:00:00:00:00:01" });
  tree.write({ "sys/class/net/seg0/ipscsi/relay": 1, "proc/sys/net/ipv4/conf/seg0/proxy_arp_pvlan": 0 });
});
filter.after.each((context) => context.test.tree.dispose());

async function apply(test: TestExecutor, operation: Operation): Promise<number | undefined> {
  const plan = { groups: [{ name: "seg0", operations: [operation] }] };
  const reply = await new Promise((resolve) =>
    new Executor(test.context, () => {}).handle({ type: "apply", id: 1, plan }, resolve),
  );
  const { groups } = reply as { groups: { changed: number; failure?: unknown }[] };
  assert.is(groups[0]?.failure, undefined, JSON.stringify(groups));
  return groups[0]?.changed;
}

const block = (...blocked: string[]): Operation => ({ kind: "stationFilter", segment: "seg0", blocked });

function relays({ tree }: TestExecutor): (string | undefined)[] {
  return [tree.read("sys/class/net/seg0/ipscsi/relay"), tree.read("proc/sys/net/ipv4/conf/seg0/proxy_arp_pvlan")];
}

filter("rules are loaded once, and again when the interface was made anew", async ({ test }) => {
  assert.is(await apply(test, block(A)), 1);
  assert.is(await apply(test, block(A)), 0);
  assert.equal(test.commands, ["nft -f /run/scsigate/stations-seg0.nft.pending"]);
  test.tree.write({ "sys/class/net/seg0/ifindex": 9 });
  assert.is(await apply(test, block(A)), 1);
  assert.is(await apply(test, block(A, B)), 1);
  assert.is(test.commands.length, 3);
});

filter("the driver relays nothing while a station is blocked, and as before afterwards", async ({ test }) => {
  await apply(test, block(A));
  assert.equal(relays(test), ["0", "1"]);
  test.tree.write({ "sys/class/net/seg0/ipscsi/relay": 1 }); // by hand: put right again
  assert.is(await apply(test, block(A)), 1);
  assert.is(await apply(test, block()), 1);
  assert.equal(relays(test), ["1", "0"]);
  assert.is(await apply(test, block()), 0);
});

filter("a relay that was switched off by hand stays off when nobody is blocked", async ({ test }) => {
  test.tree.write({ "sys/class/net/seg0/ipscsi/relay": 0 });
  assert.is(await apply(test, block()), 0);
  assert.is(relays(test)[0], "0");
});

filter("as a port of a bridge, packets between stations go back where they came from", async ({ test }) => {
  test.tree.write({ "sys/class/net/seg0/brport/hairpin_mode": 0 });
  await apply(test, block(A));
  assert.is(test.tree.read("sys/class/net/seg0/brport/hairpin_mode"), "1");
});

filter.run();

/**
 * Two stations on one segment. They are isolated ports of the segment's other end, as a hub without relay has them: what is
 * between them goes by the gateway.
 */
const SETUP = [
  "mount -t tmpfs tmpfs /run; ip link set lo up; echo 1 >/proc/sys/net/ipv4/ip_forward",
  "ip netns add lan; ip link add eth0 type veth peer name e netns lan; ip link set eth0 up; ip -n lan link set e up",
  "ip address add 192.168.77.2/24 dev eth0; ip -n lan address add 192.168.77.1/24 dev e",
  "ip -n lan route add default via 192.168.77.2",
  "ip netns add bus; ip link add seg0 type veth peer name s netns bus; ip link set seg0 up",
  "ip address add 10.143.0.1/24 dev seg0; echo 1 >/proc/sys/net/ipv4/conf/seg0/proxy_arp_pvlan",
  "echo 0 >/proc/sys/net/ipv4/conf/seg0/send_redirects; echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects",
  "ip -n bus link add name hub type bridge; ip -n bus link set dev hub up; ip -n bus link set dev s master hub up",
  ...[
    ["a", A, 20],
    ["b", B, 21],
  ].flatMap(([name, address, host]) => [
    `ip netns add ${name}; ip -n bus link add name port${name} type veth peer name e netns ${name}`,
    `ip -n bus link set dev port${name} master hub up; ip netns exec bus bridge link set dev port${name} isolated on`,
    `ip -n ${name} link set dev e address ${address}; ip -n ${name} link set e up; ip -n ${name} link set lo up`,
    `ip -n ${name} address add 10.143.0.${host}/24 dev e; ip -n ${name} route add default via 10.143.0.1`,
  ]),
  // answered: something is there, or says that nothing is; dropped: silence, or no neighbour.
  'try() { timeout $patience "$@" 2>&1 | grep -q refused && echo answered || echo dropped; }',
  'tcp() { try ip netns exec $1 bash -c "</dev/tcp/$2/80"; }; gateway() { try bash -c "</dev/tcp/$1/80"; }',
].join("\n");

function load(...blocked: string[]): string {
  const rules = renderStationFilter({ kind: "stationFilter", segment: "seg0", blocked });
  return `nft -f - <<'END'\n${rules}END`;
}

const packets = suite("packets of a blocked station");
const withPackets = hasNamespaces ? packets : packets.skip;

withPackets("nothing gets through from it or to it; others are not disturbed; and back", () => {
  const ways = [
    "tcp a 192.168.77.1",
    "tcp a 10.143.0.1",
    "tcp a 10.143.0.21",
    "tcp lan 10.143.0.20",
    "gateway 10.143.0.20",
  ];
  const others = ["tcp b 192.168.77.1", "tcp lan 10.143.0.21", "gateway 10.143.0.21"];
  const phases = [":", load(A), load()];
  // what is dropped is waited for in vain; for an answer, a busy machine takes its time
  const script = phases.flatMap((phase, at) => [
    ...[phase, `patience=${at === 1 ? 1 : 10}`, ...ways, "tcp b 10.143.0.20"],
    ...["patience=10", ...others],
  ]);
  const { said, errors } = runInNamespaces([SETUP, ...script].join("\n"));
  const each = ways.length + 1 + others.length;
  const all = (count: number, answer: string) => new Array<string>(count).fill(answer);
  assert.equal(said.slice(0, each), all(each, "answered"), `before ${errors}`);
  assert.equal(
    said.slice(each, 2 * each),
    [...all(ways.length + 1, "dropped"), ...all(others.length, "answered")],
    "while",
  );
  assert.equal(said.slice(2 * each), all(each, "answered"), "after");
});

packets.run();
