// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { watchClock } from "../../src/executor/clockSteps.ts";
import { Executor } from "../../src/executor/executor.ts";
import { LeaseTexts, renderDnsmasq, shiftLeases } from "../../src/executor/operations/dhcp.ts";
import type { Reply } from "../../src/protocol/messages.ts";
import type { DhcpClientOperation, GroupResult, Operation } from "../../src/protocol/operations.ts";
import type { Clock } from "../../src/shared/clock.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { DNSMASQ } from "../support/dnsmasq.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { until } from "../support/machine.ts";
import { ManualClock } from "../support/manualClock.ts";
import { writeLink, writeSegment } from "../support/tree.ts";

const CLIENT: DhcpClientOperation = {
  kind: "dhcpClient",
  interface: "eth0",
  hostname: "gateway",
  defaultRoute: true,
  running: true,
};

const executor = suite<{ test: TestExecutor }>("executor");
executor.before.each((context) => {
  context.test = testExecutor();
});
executor.after.each((context) => context.test.tree.dispose());

function send(test: TestExecutor, message: unknown): Promise<Reply> {
  return new Promise((resolve) => new Executor(test.context, () => {}).handle(message, resolve));
}

async function apply(test: TestExecutor, ...operations: Operation[]): Promise<GroupResult> {
  const reply = await send(test, { type: "apply", id: 7, plan: { groups: [{ name: "group", operations }] } });
  assert.is(reply.type, "applied");
  const [group] = reply.type === "applied" ? reply.groups : [];
  assert.ok(group);
  return group as GroupResult;
}

const REFUSED: [string, unknown][] = [
  ["no message", null],
  ["an unknown request", { type: "format" }],
  ["an unknown operation", { kind: "shell", command: "id" }],
  ["a surplus field", { kind: "configfs", path: "/etc" }],
  ["a module that is not on the list", { kind: "modules", names: ["evil"] }],
  ["a setting that is not on the list", { kind: "sysctl", name: "kernel.core_pattern", value: 1 }],
  ["a path as interface", { kind: "link", name: "../../etc" }],
  ["an option as interface", { kind: "link", name: "-batch" }],
  ["a line end in a name", { ...DNSMASQ, hostname: "a\nconf-script=/bin/sh" }],
  [
    "a path as target",
    { kind: "iscsiTarget", segment: "seg0", target: "iqn.2026/../..", portals: ["0.0.0.0:1"], initiators: ["iqn.a"] },
  ],
  [
    "no initiator at all",
    { kind: "iscsiTarget", segment: "seg0", target: "iqn.a", portals: ["0.0.0.0:1"], initiators: [] },
  ],
  ["an impossible address", { kind: "address", interface: "eth0", address: "10.0.0.999/24" }],
];
executor("a reboot comes after the plan that is under way, and a failure of it is told", async ({ test }) => {
  const own = new Executor(test.context, () => {});
  const replies: Reply[] = [];
  const plan = { groups: [{ name: "x", operations: [{ kind: "hostname", name: "new" }] }] };
  own.handle({ type: "apply", id: 1, plan }, (reply) => replies.push(reply));
  own.handle({ type: "reboot", id: 2 }, (reply) => replies.push(reply));
  await until("both", () => replies.length === 2);
  assert.equal(
    replies.map(({ type, id }) => `${type} ${id}`),
    ["applied 1", "rebooting 2"],
  );
  assert.is(test.commands.at(-1), "reboot");
  test.context.run = () => Promise.reject(new Error("no reboot here"));
  const refused = await send(test, { type: "reboot", id: 3 });
  assert.is(refused.type === "refused" && refused.problem.message, "no reboot here");
});

for (const [what, operation] of REFUSED) {
  executor(`${what} is refused`, async ({ test }) => {
    const whole = { type: "apply", id: 3, plan: { groups: [{ name: "x", operations: [operation] }] } };
    const message = operation === null || (operation as { type?: string }).type ? operation : whole;
    const reply = await send(test, message);
    assert.is(reply.type, "refused");
    assert.equal(test.commands, []);
  });
}

executor("a segment is made with its station address and brought up", async ({ test }) => {
  const result = await apply(test, {
    kind: "link",
    name: "seg0",
    create: { kind: "ipscsi", address: "02:00:00:00:00:01" },
  });
  assert.is(result.changed, 1);
  assert.equal(test.commands, [
    "ip link add name seg0 address 02:00:00:00:00:01 type ipscsi",
    "ip link set dev seg0 up",
  ]);
});

executor("a segment that exists is taken over as it is", async ({ test }) => {
  writeSegment(test.tree, "seg0", { index: 3, address: "02:00:00:00:00:99" });
  const result = await apply(test, {
    kind: "link",
    name: "seg0",
    create: { kind: "ipscsi", address: "02:00:00:00:00:01" },
  });
  assert.is(result.changed, 0);
  assert.equal(test.commands, []);
});

executor("an Ethernet with a segment's name is not taken over", async ({ test }) => {
  writeLink(test.tree, "seg0", { index: 3, address: "02:00:00:00:00:99" });
  const result = await apply(test, {
    kind: "link",
    name: "seg0",
    create: { kind: "ipscsi", address: "02:00:00:00:00:01" },
  });
  assert.is(result.failure?.problem.code, "interface-taken");
});

executor("a new address is there before the old one goes", async ({ test }) => {
  const info = [{ family: "inet", local: "10.9.0.1", prefixlen: 24 }];
  test.outputs.set("ip -j -4 address", JSON.stringify([{ ifname: "seg0", addr_info: info }]));
  test.tree.write({ "proc/sys/net/ipv4/conf/seg0/promote_secondaries": "0\n" });
  await apply(test, { kind: "address", interface: "seg0", address: "10.143.0.1/24" });
  assert.is(test.tree.read("proc/sys/net/ipv4/conf/seg0/promote_secondaries"), "1");
  assert.equal(test.commands.slice(1), [
    "ip -4 address add 10.143.0.1/24 broadcast 10.143.0.255 dev seg0",
    "ip -4 address del 10.9.0.1/24 dev seg0",
    "ip -4 neighbour flush dev seg0",
  ]);
});

executor(
  "a router that is taken out of the settings is no way any more; one of somebody else stays",
  async ({ test }) => {
    const route = (gateway?: string) => apply(test, { kind: "route", interface: "eth0", ...(gateway && { gateway }) });
    const there = (gateway: string) =>
      test.outputs.set("ip -j -4 route show default", JSON.stringify([{ dst: "default", gateway, dev: "eth0" }]));
    there("192.168.77.254");
    assert.is((await route()).changed, 0, "not ours");
    assert.is((await route("192.168.77.1")).changed, 1);
    there("192.168.77.1");
    assert.is((await route("192.168.77.1")).changed, 0);
    assert.is((await route()).changed, 1);
    assert.equal(
      test.commands.filter((command) => !command.includes("-j")),
      [
        "ip -4 route replace default via 192.168.77.1 dev eth0 metric 100",
        "ip -4 route del default via 192.168.77.1 dev eth0 metric 100",
      ],
    );
    assert.is((await route()).changed, 0);
  },
);

executor("after a failure the group stops, and groups that need it are skipped", async ({ test }) => {
  const reply = await send(test, {
    type: "apply",
    id: 1,
    plan: {
      groups: [
        {
          name: "seg0",
          operations: [
            { kind: "link", name: "gone" },
            { kind: "hostname", name: "new" },
          ],
        },
        { name: "seg0-dhcp", needs: ["seg0"], operations: [{ kind: "configfs" }] },
        { name: "system", operations: [{ kind: "sysctl", name: "net.ipv4.ip_forward", value: 1 }] },
      ],
    },
  });
  const groups = reply.type === "applied" ? reply.groups : [];
  assert.is(groups[0]?.failure?.kind, "link");
  assert.is(groups[0]?.failure?.problem.code, "interface-missing");
  assert.is(groups[1]?.skipped, true);
  assert.is(groups[2]?.changed, 1);
  assert.is(readFileSync(join(test.tree.root, "proc/sys/kernel/hostname"), "utf8").trim(), "old");
});

executor("kernel settings are written once", async ({ test }) => {
  const operations: Operation[] = [
    { kind: "hostname", name: "gateway" },
    { kind: "interfaceSysctl", interface: "seg0", name: "send_redirects", value: 0 },
  ];
  assert.is((await apply(test, ...operations)).changed, 2);
  assert.is((await apply(test, ...operations)).changed, 0);
});

executor("modules that are there are not loaded again", async ({ test }) => {
  test.tree.write({ "sys/module/ipscsi/refcnt": 1 });
  await apply(test, { kind: "modules", names: ["ipscsi", "ipscsi_target"] });
  assert.equal(test.commands, ["modprobe ipscsi_target"]);
});

executor("configfs is mounted once", async ({ test }) => {
  await apply(test, { kind: "configfs" });
  assert.equal(test.commands, ["mount -t configfs configfs /sys/kernel/config"]);
  test.tree.write({ "proc/mounts": `configfs ${test.tree.root}/sys/kernel/config configfs rw 0 0` });
  assert.is((await apply(test, { kind: "configfs" })).changed, 0);
});

executor("dnsmasq is started once, and again when its settings change", async ({ test }) => {
  await apply(test, DNSMASQ);
  assert.equal(test.commands, ["dnsmasq --conf-file=/run/scsigate/dnsmasq-seg0.conf"]);
  test.running.set("run/scsigate/dnsmasq-seg0.pid", `--conf-file=${test.tree.root}/run/scsigate/dnsmasq-seg0.conf`);
  assert.is((await apply(test, DNSMASQ)).changed, 0);
  await apply(test, { ...DNSMASQ, leaseSeconds: 600 });
  assert.equal(test.commands.slice(1), ["stop 4711", "dnsmasq --conf-file=/run/scsigate/dnsmasq-seg0.conf"]);
});

executor("where /data cannot be written, leases go to /run, and back when it can", async ({ test }) => {
  const { tree } = test;
  const [found, lasting] = ["run/scsigate/leases/seg0.leases", "data/dhcp/seg0.leases"];
  const start = "dnsmasq --conf-file=/run/scsigate/dnsmasq-seg0.conf";
  assert.match(renderDnsmasq(DNSMASQ, test.context.paths), `dhcp-leasefile=${join(tree.root, found)}\n`);
  tree.write({ data: "no folder" });
  await apply(test, DNSMASQ);
  assert.equal(test.commands, [start]);
  tree.write({ [found]: "given meanwhile" });
  test.running.set("run/scsigate/dnsmasq-seg0.pid", `--conf-file=${tree.root}/run/scsigate/dnsmasq-seg0.conf`);
  assert.is((await apply(test, DNSMASQ)).changed, 0);

  tree.remove("data");
  await apply(test, DNSMASQ);
  assert.equal(test.commands.splice(0), [start, "stop 4711", start]);
  assert.is(tree.read(lasting), "given meanwhile");
  tree.write({ [lasting]: "given later" });
  assert.is(tree.read(found), "given later");
  assert.is((await apply(test, DNSMASQ)).changed, 0);
});

executor("name servers that are set go before those of interfaces, and give way to them again", async ({ test }) => {
  const { tree } = test;
  const servers = () => tree.read("run/resolv.conf");
  tree.write({ "run/udhcpc/eth0.dns": "search example.org\nnameserver 192.168.77.1", "run/resolv.conf": "" });
  assert.is((await apply(test, { kind: "nameServers", servers: [] })).changed, 0);
  const set: Operation = { kind: "nameServers", servers: ["2001:db8::53", "192.168.77.53"] };
  assert.is((await apply(test, set)).changed, 1);
  assert.is(servers(), "nameserver 2001:db8::53\nnameserver 192.168.77.53");
  assert.is((await apply(test, set)).changed, 0);
  assert.is((await apply(test, { kind: "resolver", interface: "eth1", servers: ["10.0.2.3"] })).changed, 1);
  assert.is(servers(), "nameserver 2001:db8::53\nnameserver 192.168.77.53");
  assert.is((await apply(test, { kind: "nameServers", servers: [] })).changed, 1);
  assert.match(servers() ?? "", "nameserver 192.168.77.1");
  assert.match(servers() ?? "", "nameserver 10.0.2.3");
});

for (const seconds of [7200, -7200]) {
  executor(
    `the clock is set by ${seconds} s: leases end when they would have, for dnsmasq and in its file`,
    async ({ test }) => {
      const { tree } = test;
      await apply(test, DNSMASQ);
      test.running.set("run/scsigate/dnsmasq-seg0.pid", `--conf-file=${tree.root}/run/scsigate/dnsmasq-seg0.conf`);
      const leases = (end: number) =>
        `${end} 02:11:22:33:44:0a 10.143.0.20 a 01:02\n0 02:11:22:33:44:0b 10.143.0.21 b *\nduid 00:01:00:01\n${end} 5 fd12::5 a 00:01\n`;
      tree.write({ "data/dhcp/seg0.leases": leases(1_800_000_000) });
      const before = test.commands.length;
      const known = new LeaseTexts(test.context.paths);
      known.look();
      // dnsmasq was quicker, and has ended one of each kind.
      tree.write({ "data/dhcp/seg0.leases": "0 02:11:22:33:44:0b 10.143.0.21 b *\nduid 00:01:00:01\n" });
      await shiftLeases(seconds, test.context, known.texts);
      const end = 1_800_000_000 + seconds;
      const expected = [
        "0 02:11:22:33:44:0b 10.143.0.21 b *",
        `${end} 02:11:22:33:44:0a 10.143.0.20 a 01:02`,
        "duid 00:01:00:01",
        `${end} 5 fd12::5 a 00:01`,
      ].join("\n");
      assert.is(tree.read("data/dhcp/seg0.leases"), expected);
      assert.is(tree.read("run/scsigate/leases/seg0.leases"), expected, "by the link");
      const start = "dnsmasq --conf-file=/run/scsigate/dnsmasq-seg0.conf";
      assert.equal(test.commands.slice(before), ["stop 4711", start]);
    },
  );
}

for (const seconds of [7200, -7200]) {
  executor(`the clock is set by ${seconds} s, and a lease is renewed before it is noticed`, async ({ test }) => {
    const { tree } = test;
    await apply(test, DNSMASQ);
    const now = Math.floor(Date.now() / 1000);
    const leases = (one: number, other: number) =>
      `${one} 02:11:22:33:44:0a 10.143.0.20 a 01:02\n${other} 02:11:22:33:44:0b 10.143.0.21 b *`;
    const before = now - seconds;
    tree.write({ "data/dhcp/seg0.leases": leases(before + 1800, before + 600) });
    const known = new LeaseTexts(test.context.paths);
    known.look();
    tree.write({ "data/dhcp/seg0.leases": leases(now + 3600, before + 600) });
    await shiftLeases(seconds, test.context, known.texts);
    assert.is(tree.read("data/dhcp/seg0.leases"), leases(now + 3600, now + 600));
  });
}

executor("the clock is set again before dnsmasq runs again: leases have followed both times", async ({ test }) => {
  const { tree } = test;
  await apply(test, DNSMASQ);
  test.running.set("run/scsigate/dnsmasq-seg0.pid", `--conf-file=${tree.root}/run/scsigate/dnsmasq-seg0.conf`);
  const file = "data/dhcp/seg0.leases";
  const lease = (end: number) => `${end} 02:11:22:33:44:0a 10.143.0.20 a 01:02`;
  tree.write({ [file]: lease(1_800_000_000) });
  const starts: (string | undefined)[] = [];
  const own = new Executor(
    {
      ...test.context,
      // It reads its leases when the clock has been set once more, and ends all of them.
      run: async () => {
        starts.push(tree.read(file));
        tree.write({ [file]: "" });
        return "";
      },
    },
    () => {},
  );
  own.clockCalm();
  own.clockStepped(1_728_000_000);
  own.clockCalm(); // dnsmasq has not been stopped yet
  await until("dnsmasq to be started", () => starts.length === 1);
  own.clockStepped(-3_600_000);
  await until("dnsmasq to be started", () => starts.length === 2);
  assert.equal(starts, [lease(1_801_728_000), lease(1_801_724_400)]);
});

executor("only steps of the clock are steps, forward or back", async () => {
  const clock = new ManualClock();
  let set = 0;
  const steps: number[] = [];
  const wall: Clock = {
    now: () => clock.now() + set,
    monotonic: () => clock.monotonic(),
    after: (milliseconds, callback) => clock.after(milliseconds, callback),
    every: (milliseconds, callback) => clock.every(milliseconds, callback),
  };
  let calm = 0;
  const stop = watchClock(
    wall,
    (step) => steps.push(step),
    () => {
      calm += 1;
    },
  );
  await clock.pass(5000);
  set = 1500; // what a time server corrects
  await clock.pass(5000);
  set += 7_200_000;
  await clock.pass(5000);
  set -= 3_600_000;
  await clock.pass(5000);
  assert.equal(steps, [7_200_000, -3_600_000]);
  assert.is(calm, 20 - steps.length);
  stop();
});

executor("what stations make dnsmasq write is cut before it fills /run", async ({ test }) => {
  const log = "run/scsigate/dnsmasq-seg0.log";
  await apply(test, DNSMASQ);
  test.tree.write({ [log]: "x".repeat(200_000) });
  await apply(test, DNSMASQ);
  assert.is(test.tree.read(log)?.length, 200_000);
  test.tree.write({ [log]: "x".repeat(300_000) });
  await apply(test, DNSMASQ);
  assert.is(test.tree.read(log), "");
});

executor("a DHCP client is started once, and stopped when the address is static", async ({ test }) => {
  const client = { kind: "dhcpClient", interface: "eth0", hostname: "gateway", defaultRoute: true } as const;
  await apply(test, { ...client, running: true });
  assert.match(test.started[0] ?? "", /^udhcpc -f -i eth0 .*hostname:gateway.*DEFAULT_ROUTE=yes$/);
  test.running.set("run/scsigate/udhcpc-eth0.pid", "eth0");
  assert.is((await apply(test, { ...client, running: true })).changed, 0);
  await apply(test, { ...client, running: false });
  assert.equal(test.commands, ["stop 4711"]);
});

executor(
  "a DHCP client asks anew on a cable that was out, and when it is to ask for something else",
  async ({ test }) => {
    const link = (carrier: string, changes: string) =>
      test.tree.write({ "sys/class/net/eth0/carrier": carrier, "sys/class/net/eth0/carrier_changes": changes });
    link("1\n", "2\n");
    await apply(test, CLIENT);
    test.running.set("run/scsigate/udhcpc-eth0.pid", "eth0");
    assert.is((await apply(test, CLIENT)).changed, 0);
    link("0\n", "3\n");
    assert.is((await apply(test, CLIENT)).changed, 0, "it would ask in vain");
    link("1\n", "4\n");
    assert.is((await apply(test, CLIENT)).changed, 1);
    assert.is((await apply(test, CLIENT)).changed, 0);
    assert.is((await apply(test, { ...CLIENT, hostname: "other" })).changed, 1);
    assert.match(test.started.at(-1) ?? "", "hostname:other");
    assert.is((await apply(test, { ...CLIENT, hostname: "other", defaultRoute: false })).changed, 1);
    assert.match(test.started.at(-1) ?? "", "DEFAULT_ROUTE=no");
  },
);

executor("a DHCP client of an earlier version, of which nothing is noted, goes on", async ({ test }) => {
  test.running.set("run/scsigate/udhcpc-eth0.pid", "eth0");
  test.tree.write({ "sys/class/net/eth0/carrier": "1\n", "sys/class/net/eth0/carrier_changes": "2\n" });
  assert.is((await apply(test, CLIENT)).changed, 0);
  assert.equal(test.started, []);
});

executor("dnsmasq accepts what is generated for it", async ({ test }) => {
  const text = renderDnsmasq(DNSMASQ, test.context.paths);
  test.tree.write({ "dnsmasq.conf": text });
  // Prints "syntax check OK" on standard error and exits with 0; throws otherwise.
  await runCommand("dnsmasq", ["--test", `--conf-file=${join(test.tree.root, "dnsmasq.conf")}`]);
  assert.match(text, "dhcp-range=10.143.0.16,10.143.0.254,255.255.255.0,3600");
  assert.not.match(text, "enable-ra");
});

executor("dnsmasq accepts the file with IPv6 in it", async ({ test }) => {
  const text = renderDnsmasq({ ...DNSMASQ, prefix6: "fd12:3456:789a:1::/64" }, test.context.paths);
  test.tree.write({ "dnsmasq.conf": text });
  await runCommand("dnsmasq", ["--test", `--conf-file=${join(test.tree.root, "dnsmasq.conf")}`]);
  assert.match(text, "dhcp-range=fd12:3456:789a:1::,ra-stateless,ra-names,64,3600");
});

executor(
  "an IPv6 address is ours alone, and goes again; an interface without one is not even asked",
  async ({ test }) => {
    const show = (...cidrs: string[]) =>
      test.outputs.set(
        "ip -j -6 address show",
        JSON.stringify([
          {
            ifname: "seg0",
            addr_info: cidrs.map((cidr) => {
              const [local, prefix] = cidr.split("/");
              return { family: "inet6", local, prefixlen: Number(prefix), scope: "global" };
            }),
          },
        ]),
      );
    assert.is((await apply(test, { kind: "address6", interface: "seg0" })).changed, 0);
    assert.equal(test.commands, []);
    show("fd00::9/64");
    await apply(test, { kind: "address6", interface: "seg0", address: "fd12::1/64" });
    assert.equal(test.commands.slice(1), [
      "ip -6 address add fd12::1/64 dev seg0 nodad",
      "ip -6 address del fd00::9/64 dev seg0",
      "ip -6 neighbour flush dev seg0",
    ]);
    show("fd12:0::1/64"); // however it is written
    assert.is((await apply(test, { kind: "address6", interface: "seg0", address: "fd12::1/64" })).changed, 0);
    await apply(test, { kind: "address6", interface: "seg0" });
    assert.is(test.commands.at(-2), "ip -6 address del fd12:0::1/64 dev seg0");
    test.commands.length = 0;
    await apply(test, { kind: "address6", interface: "seg0" });
    assert.equal(test.commands, []);
  },
);

executor.run();
