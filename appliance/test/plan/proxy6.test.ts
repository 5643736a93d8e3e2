// SPDX-License-Identifier: Apache-2.0
// IPv6 in mode proxy: a part of the LAN's prefix for each segment, and an answer for each of its hosts.
import { spawnSync } from "node:child_process";
import { BlockList } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";
import { renderDnsmasq } from "../../src/executor/operations/dhcp.ts";
import { renderFirewall } from "../../src/executor/operations/firewall.ts";
import { setProxyNeighbours } from "../../src/executor/operations/network.ts";
import { createIdentity } from "../../src/shared/identity.ts";
import { hostsOf } from "../../src/shared/ipv6.ts";
import { testExecutor } from "../support/executor.ts";
import { planOf } from "../support/plan.ts";

const identity = createIdentity("52:54:00:12:34:56", () => Buffer.alloc(6));
const segment = (name: string, address: string) => ({ name, ipv4: { address }, ipv6: { enabled: true } });
const SEGMENTS = [segment("seg0", "192.168.77.225/28"), segment("seg1", "192.168.77.209/28")];

function plan(lan: string[], document: object = {}) {
  const addresses = [
    { family: "inet" as const, cidr: "192.168.77.2/24", scope: "global" },
    ...lan.map((cidr) => ({ family: "inet6" as const, cidr, scope: "global" })),
  ];
  const ethernets = [{ name: "eth0", index: 2, address: "52:54:00:00:00:01" }];
  const observed = { ethernets, addresses: new Map([["eth0", addresses]]), routes: [], lanSettled: true };
  return planOf({ mode: "proxy", segments: SEGMENTS, ...document }, observed, identity);
}

test("each segment gets a part of the LAN's prefix, of a global one where there are several", () => {
  const { of, problems } = plan(["fd00:1::2/64", "2001:db8:7:0:5054:ff:fe00:1/64"]);
  assert.equal(problems, []);
  const parts = of("address6").map(({ address }) => address ?? "");
  assert.is(new Set(parts).size, 2);
  const lan = new BlockList();
  lan.addSubnet("2001:db8:7::", 64, "ipv6");
  for (const part of parts) {
    assert.match(part, /\/122$/);
    assert.ok(lan.check(part.split("/")[0] ?? "", "ipv6"), part);
  }
  assert.equal(of("proxyNeighbours"), [{ kind: "proxyNeighbours", interface: "eth0", parts }]);
  assert.equal(of("prune")[0]?.proxied, ["eth0"]);
  assert.ok(of("interfaceSysctl").some(({ name, value }) => name === "proxy_ndp" && value === 1));
  assert.equal(plan(["2001:db8:7:0:5054:ff:fe00:1/64"]).of("address6"), of("address6"), "the same every time");
});

test("a LAN without a prefix: IPv4 works, and the problem says what to do", () => {
  const { of, problems } = plan([]);
  assert.equal(
    problems.map(({ code }) => code),
    ["lan-no-prefix", "lan-no-prefix"],
  );
  assert.is(of("dnsmasq").length, 2);
  assert.equal(of("proxyNeighbours")[0]?.parts, []);
});

test("in the other modes nobody is answered for", () => {
  const routed = [{ name: "seg0", ipv6: { enabled: true } }];
  for (const mode of ["routed", "nat", "mesh", "bridge"]) {
    const { of } = plan(["2001:db8:7::2/64"], { mode, segments: routed });
    assert.equal(of("proxyNeighbours"), []);
    assert.equal(of("prune")[0]?.proxied, []);
    assert.not(of("interfaceSysctl").some(({ name, value }) => name === "proxy_ndp" && value === 1));
  }
});

test("an address of one's own in mode proxy is refused", () => {
  const own = [{ ...SEGMENTS[0], ipv6: { enabled: true, address: "2001:db8:9::1/64" } }];
  const result = validate({ version: 1, mode: "proxy", segments: own });
  assert.ok(!result.valid && result.errors[0]?.path === "/segments/0/ipv6/address");
});

test("hosts get their addresses by DHCPv6, dnsmasq takes that, and the firewall knows them", () => {
  const { of } = plan(["2001:db8:7::2/64"]);
  const [server] = of("dnsmasq");
  const [firewall] = of("firewall");
  assert.ok(server !== undefined && firewall !== undefined);
  if (server === undefined || firewall === undefined) return;
  const test = testExecutor();
  const text = renderDnsmasq(server, test.context.paths);
  const hosts = hostsOf(server.prefix6 ?? "");
  assert.match(text, `enable-ra\ndhcp-range=${hosts[2]},${hosts[63]},122,3600\n`);
  test.tree.write({ "dnsmasq.conf": text });
  const checked = spawnSync("dnsmasq", ["--test", `--conf-file=${test.tree.root}/dnsmasq.conf`], { encoding: "utf8" });
  if (checked.error === undefined) assert.is(checked.status, 0, checked.stderr);
  assert.match(renderFirewall(firewall), `iifname "seg0" ip6 saddr != { ${hosts[0]}/122, fe80::/10, :: } counter drop`);
  test.tree.dispose();
});

test("answers are added and taken away as parts come and go; those of others stay", async () => {
  const test = testExecutor();
  const inputs: string[] = [];
  let shown: string[] = ["2001:db8::99"];
  test.context.run = async (_file, args, options) => {
    if (args.includes("show")) return JSON.stringify(shown.map((dst) => ({ dst })));
    inputs.push(options?.input ?? "");
    return "";
  };
  const set = (parts: string[]) =>
    setProxyNeighbours({ kind: "proxyNeighbours", interface: "eth0", parts }, test.context);
  assert.not(await set([]), "nothing of ours");
  assert.ok(await set(["2001:db8::1001/122"]));
  const added = (inputs.shift() ?? "").trim().split("\n");
  assert.is(added.length, 62);
  assert.is(added[0], "neighbour add proxy 2001:db8:0:0:0:0:0:1002 dev eth0");
  shown = [...shown, ...hostsOf("2001:db8::1001/122").slice(2)];
  assert.not(await set(["2001:db8::1001/122"]));
  assert.ok(await set([]));
  const gone = (inputs.shift() ?? "").trim().split("\n");
  assert.is(gone.length, 62);
  assert.ok(gone.every((line) => line.startsWith("neighbour del proxy 2001:db8:0:0:0:0:0:10")));
  assert.not(await set([]));
  test.tree.dispose();
});

test.run();
