// SPDX-License-Identifier: Apache-2.0
// What goes wrong in the field: full and read-only partitions, clocks that jump, programs that die, cards that are
// pulled. Each shows in the state, harms nothing else, and is over when its cause is.
import * as assert from "uvu/assert";
import { api, transaction } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { cluster, lanAddresses } from "../src/topologies/cluster.ts";
import type { Bench } from "../src/vm/bench.ts";
import type { Vm } from "../src/vm/vm.ts";

/** For the gateway to see a fault and to recover: two looks at the machine, a lease, milliseconds. */
const FOLLOW_TIMEOUT = 60_000;
/** For chrony to be sure of the time: a few answers, of which there is one a minute after the first four. */
const CLOCK_TIMEOUT = 300_000;
const SERVICE_UID = 990;
const EXECUTOR_PID = "grep -l 'scsigate/[e]xecutor.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | head -n 1";

interface Reason {
  readonly code: string;
}

interface Status {
  readonly health: { readonly status: string; readonly reasons: readonly Reason[] };
}

async function reasons(gateway: Vm): Promise<string[]> {
  const { health } = await api<Status>(gateway, "GET", "status");
  return health.reasons.map(({ code }) => code);
}

function degraded(gateway: Vm, code: string): Promise<unknown> {
  return waitFor(`${code} to be told`, async () => (await reasons(gateway)).includes(code), {
    timeout: FOLLOW_TIMEOUT,
    interval: 500,
  });
}

function healthy(gateway: Vm): Promise<unknown> {
  return waitFor(
    "the gateway to be well",
    async () => (await api<Status>(gateway, "GET", "status")).health.status === "ok",
    { timeout: FOLLOW_TIMEOUT, interval: 500 },
  );
}

function forwards(bench: Bench): Promise<unknown> {
  const ping = `ping -n -c 1 -W 2 ${lanAddresses.lan}`;
  return waitFor("the station to reach the LAN", async () => (await bench.vm("station-a").run(ping)).code === 0, {
    timeout: FOLLOW_TIMEOUT,
  });
}

/** A change that is only tried; what the gateway says to it. */
async function tryChange(gateway: Vm): Promise<{ code: number; said: string }> {
  await gateway.run("scsigate config set syslog.level warn");
  const { code, stdout, stderr } = await gateway.run("scsigate config apply --confirm-within 1800 --json");
  return { code, said: stdout + stderr };
}

async function takeBack(gateway: Vm): Promise<void> {
  await gateway.run("scsigate config rollback; scsigate config discard");
  assert.is(await gateway.ok("scsigate config diff"), "Nothing would change.");
}

const tests = scenario("faults", cluster, {
  prepare: async (bench) => {
    await healthy(bench.vm("gateway"));
    await forwards(bench);
  },
});

tests.test("the service has no rights, gets none, and writes only where it should", async (bench) => {
  const gateway = bench.vm("gateway");
  const pid = await gateway.ok(
    "grep -l 'scsigate/[s]ervice.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | head -n 1",
  );
  const of = async (name: string): Promise<string> => {
    const text = await gateway.ok(`grep '^${name}:' /proc/${pid}/status`);
    return text.replace(/^\w+:\s*/, "").trim();
  };
  assert.is(await of("Uid"), Array(4).fill(SERVICE_UID).join("\t"));
  assert.is(await of("Gid"), Array(4).fill(SERVICE_UID).join("\t"));
  assert.is(await of("Groups"), "");
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) assert.match(await of(set), /^0+$/, set);
  assert.is(await gateway.ok("find / -xdev -type f -perm /6000 2>/dev/null"), "", "no program gives away rights");

  // As the service: every folder of the machine is tried, with what it could be tempted to do.
  const program = `
    process.setgroups([]); process.setgid(${SERVICE_UID}); process.setuid(${SERVICE_UID});
    const fs = require("node:fs"), path = require("node:path");
    const open = [];
    const walk = (folder) => {
      let entries = [];
      try { fs.accessSync(folder, fs.constants.W_OK); open.push(folder); } catch {}
      try { entries = fs.readdirSync(folder, { withFileTypes: true }); } catch {}
      for (const entry of entries) {
        const at = path.join(folder, entry.name);
        if (at === "/proc" || at === "/dev") continue;
        if (entry.isDirectory()) walk(at);
        else if (entry.isFile()) { try { fs.accessSync(at, fs.constants.W_OK); open.push(at); } catch {} }
      }
    };
    walk("/");
    const refused = (action) => { try { action(); return false; } catch { return true; } };
    const acts = {
      uid: () => process.setuid(0),
      sysctl: () => fs.writeFileSync("/proc/sys/kernel/hostname", "owned"),
      memory: () => fs.openSync("/dev/mem", "r+"),
      kill: () => process.kill(1, 9),
      configfs: () => fs.mkdirSync("/sys/kernel/config/target/core/ipscsi_0/owned"),
      disk: () => fs.openSync("/dev/vda", "r+"),
      init: () => fs.writeFileSync("/etc/init.d/S99x", ""),
      root: () => fs.readFileSync("/etc/shadow"),
    };
    const done = Object.keys(acts).filter((name) => !refused(acts[name]));
    console.log(JSON.stringify({ open, done }));`;
  await gateway.writeFile("/run/tempted.js", program);
  const { open, done } = await gateway.json<{ open: string[]; done: string[] }>("node /run/tempted.js");
  assert.equal(done, []);
  const allowed = /^(\/data\/scsigate|\/run\/scsigate\/service|\/tmp|\/var\/tmp)(\/|$)/;
  assert.equal(
    open.filter((path) => !allowed.test(path)),
    [],
  );
  assert.ok(open.includes("/data/scsigate"));
});

tests.test(
  "a full data partition: told, changes refused, packets pass; with room again, all is well",
  async (bench) => {
    const gateway = bench.vm("gateway");
    await gateway.run("dd if=/dev/zero of=/data/filler bs=64k 2>/dev/null; sync");
    try {
      await degraded(gateway, "data-full");
      const { code, said } = await tryChange(gateway);
      assert.is(code, 1, said);
      assert.match(said, "data-unwritable");
      await forwards(bench);
    } finally {
      await gateway.ok("rm -f /data/filler; sync");
    }
    await healthy(gateway);
    assert.is((await tryChange(gateway)).code, 0);
    await takeBack(gateway);
  },
);

tests.test("a data partition that becomes read-only: the same, also when the supervisor starts anew", async (bench) => {
  const gateway = bench.vm("gateway");
  // As the kernel does it after errors: whoever has files open for writing is not asked.
  await gateway.ok("echo u >/proc/sysrq-trigger");
  try {
    await degraded(gateway, "data-unwritable");
    const { code, said } = await tryChange(gateway);
    assert.is(code, 1, said);
    assert.match(said, "data-unwritable");
    await forwards(bench);
    const ended = await gateway.ok(`pid=$(${EXECUTOR_PID}); kill -9 $pid; echo $pid`);
    await waitFor("another executor", async () => !["", ended].includes(await gateway.ok(EXECUTOR_PID)), {
      timeout: FOLLOW_TIMEOUT,
    });
    await degraded(gateway, "data-unwritable");
    await forwards(bench);
  } finally {
    await gateway.ok("mount -o remount,rw /data");
  }
  await healthy(gateway);
  assert.is((await tryChange(gateway)).code, 0);
  await takeBack(gateway);
});

tests.test("a clock that jumps, forward and back, ends no change that waits and no lease", async (bench) => {
  const gateway = bench.vm("gateway");
  const now = await gateway.ok("date -u +%s");
  const state = async (): Promise<string> => (await transaction(gateway)).state;
  const { code, said } = await tryChange(gateway);
  assert.is(code, 0, said);
  await waitFor("the change to wait", async () => (await state()) === "waiting", {
    timeout: FOLLOW_TIMEOUT,
  });
  const leases = "/run/scsigate/leases/seg0.leases";
  const given = (): Promise<string> => gateway.ok(`cut -d ' ' -f 2,3 ${leases} | sort`);
  const before = await given();
  assert.match(before, "10.143.0.");
  try {
    for (const seconds of [Number(now) + 20 * 86_400, Number(now) + 400 * 86_400, 1000, Number(now)]) {
      // Twice, the second time when the leases have just followed, or are about to.
      for (const set of [Number(now) + 7200, seconds]) {
        await gateway.ok(`date -u -s @${set}; sleep 1`);
      }
      await forwards(bench);
      assert.is(await state(), "waiting", `the clock says ${seconds}`);
      const ends = `$1 ~ /^[1-9]/ && ($1 < now || $1 > now + 7200) { print }`;
      await waitFor(
        "leases to follow the clock",
        // dnsmasq may have thrown them away for a moment, before the supervisor has seen that the clock was set.
        async () =>
          (await given()) === before && (await gateway.ok(`awk -v now=$(date +%s) '${ends}' ${leases}`)) === "",
        { timeout: FOLLOW_TIMEOUT },
      );
    }
  } finally {
    await gateway.ok(`date -u -s @${now}`);
  }
  await takeBack(gateway);
  await healthy(gateway);
});

tests.test(
  "the clock follows the LAN's time server, stations follow the gateway; chrony that dies comes back",
  async (bench) => {
    const [gateway, a, lan] = [bench.vm("gateway"), bench.vm("station-a"), bench.vm("lan")];
    const clock = async (): Promise<string> => {
      const { checks } = await api<{ checks: { id: string; state: string; measured: string }[] }>(
        gateway,
        "GET",
        "diagnosis",
      );
      const link = checks.find(({ id }) => id === "clock");
      return `${link?.state} ${link?.measured}`;
    };
    const before = Number(await gateway.ok("date -u +%s"));
    assert.match(await clock(), "not synchronised");
    await lan.ok(`date -u -s @${before + 3600}
    printf 'local stratum 3\nallow\ncmdport 0\nuser root\npidfile /run/lab/chronyd.pid\n' >/run/lab/chrony.conf
    chronyd -f /run/lab/chrony.conf`);
    await gateway.ok("kill -9 $(cat /run/scsigate/chronyd.pid)"); // the next one asks at once
    await waitFor("the LAN's time", async () => Number(await gateway.ok("date -u +%s")) > before + 3500, {
      timeout: FOLLOW_TIMEOUT,
    });
    await waitFor("the diagnosis to be content", async () => (await clock()).startsWith("good"), {
      timeout: CLOCK_TIMEOUT,
    }).catch(async () =>
      assert.unreachable(`${await clock()}\n${await gateway.ok("chronyc -n sources; chronyc -n tracking")}`),
    );
    assert.match(
      (await a.run("chronyd -u root -Q -t 60 'server 10.143.0.1 iburst' 2>&1")).stdout,
      /wrong by 3[56]\d\d\./,
    );
    await a.ok("printf '#!/bin/sh\\nenv\\n' >/tmp/env; chmod +x /tmp/env");
    assert.match(await a.ok("udhcpc -n -q -f -i seg0 -s /tmp/env -O ntpsrv 2>/dev/null"), "ntpsrv=10.143.0.1");
    await lan.ok(`kill $(cat /run/lab/chronyd.pid); date -u -s @${before}`);
    await gateway.ok(`date -u -s @${before}`);
    await healthy(gateway);
  },
);

tests.test("a DHCP and DNS server that dies comes back, and leases go on", async (bench) => {
  const gateway = bench.vm("gateway");
  // It may just be started anew: the test before has set the clock.
  const before = await waitFor(
    "dnsmasq to be killed",
    async () => {
      const { code, stdout } = await gateway.run(
        "pid=$(cat /run/scsigate/dnsmasq-seg0.pid) && kill -9 $pid && echo $pid",
      );
      return code === 0 ? stdout.trim() : undefined;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
  await waitFor(
    "another dnsmasq",
    async () => {
      const { stdout } = await gateway.run("cat /run/scsigate/dnsmasq-seg0.pid");
      const pid = stdout.trim();
      return pid !== "" && pid !== before && (await gateway.run(`kill -0 ${pid}`)).code === 0;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
  const [a] = [bench.vm("station-a")];
  await a.ok("killall -USR2 udhcpc && killall -USR1 udhcpc");
  await forwards(bench);
  await healthy(gateway);
});

tests.test("the LAN's card is pulled and put back", async (bench) => {
  const gateway = bench.vm("gateway");
  await gateway.ok("echo 1 >$(readlink -f /sys/class/net/eth0/device)/../remove");
  await degraded(gateway, "interface-missing");
  await gateway.ok("echo 1 >/sys/bus/pci/rescan");
  await healthy(gateway);
  await forwards(bench);
});

tests.test("the archive for support has what root sees, and no secret", async (bench) => {
  const gateway = bench.vm("gateway");
  await gateway.ok(
    "scsigate support /run/support.tar.gz && mkdir /run/support && gunzip -c /run/support.tar.gz | tar -x -C /run/support",
  );
  const [text, key] = [
    await gateway.ok("cat /run/support/*/machine/*.txt"),
    await gateway.ok("sed -n 2p /data/scsigate/tls/server.pem"),
  ];
  assert.match(text, "table inet scsigate");
  assert.match(text, /core\/ipscsi_0\/seg0\/enable: 1/);
  assert.ok(key.length > 40);
  assert.is((await gateway.run(`grep -rF '${key}' /run/support`)).code, 1);
  await gateway.ok("rm -r /run/support /run/support.tar.gz");
});

tests.test("a reboot that is asked for, and the log has the kernel's lines, too", async (bench) => {
  const gateway = bench.vm("gateway");
  await gateway.reboot("scsigate reboot --yes");
  await healthy(gateway);
  await forwards(bench);
  await gateway.ok("ip link set lo promisc on && ip link set lo promisc off"); // the kernel tells of it
  await waitFor(
    "lines of all three",
    async () => {
      const lines = await gateway.json<{ process: string }[]>("scsigate logs --lines 500 --json");
      const processes = new Set(lines.map((line) => line.process));
      return ["executor", "service", "kernel"].every((name) => processes.has(name));
    },
    { timeout: FOLLOW_TIMEOUT },
  );
});

tests.run();
