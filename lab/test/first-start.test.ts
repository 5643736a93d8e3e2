// SPDX-License-Identifier: Apache-2.0
// The first start of a prepared gateway, its console, SSH, and the ways back to an owner.
import * as assert from "uvu/assert";
import { loadModules } from "../src/build/labModule.ts";
import { api, CURL, configure } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { first, owner } from "../src/topologies/first.ts";
import type { Vm } from "../src/vm/vm.ts";

/** For the supervisor to start anew, or to follow a change: milliseconds. */
const FOLLOW_TIMEOUT = 90_000;
const KEY = "/run/key";
/** As a client on the LAN, though from the machine itself; it takes whatever host key there is. */
const SSH = "dbclient -y -y -T -p 22";

interface Status {
  readonly pressed: boolean;
  readonly health: { readonly reasons: readonly { readonly code: string }[] };
}

const tests = scenario("first-start", first);

/** HTTP status of a login over the network. */
function login(gateway: Vm, name: string, password: string): Promise<string> {
  const body = JSON.stringify({ name, password });
  return gateway.ok(
    `curl -sk -o /dev/null -w '%{http_code}' -H content-type:application/json -d '${body}' https://127.0.0.1/api/v1/login`,
  );
}

async function setupToken(gateway: Vm): Promise<string | undefined> {
  const { code, stdout } = await gateway.run(`${CURL} http://gateway/api/v1/setup/token`);
  return code === 0 ? ((JSON.parse(stdout) as { token: string | null }).token ?? undefined) : undefined;
}

/** Ends the supervisor; init starts it again. */
async function restart(gateway: Vm): Promise<void> {
  const before = await gateway.ok("pidof node");
  await gateway.ok("killall node");
  await waitFor(
    "another supervisor",
    async () => {
      const { stdout } = await gateway.run("pidof node");
      const another = stdout.trim() !== "" && stdout.trim() !== before;
      return another && (await gateway.run(`${CURL} http://gateway/health`)).code === 0;
    },
    { timeout: FOLLOW_TIMEOUT },
  );
}

tests.test("scsigate.json was taken over, and no password of it is left", async (bench) => {
  const gateway = bench.vm("gateway");
  assert.is(await login(gateway, owner.name, owner.password), "200");
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "prepared");
  assert.is(await gateway.ok("cd /boot && ls scsigate* setup-token.txt 2>/dev/null || true"), "scsigate-taken.txt");
  assert.is(await gateway.ok(`grep -r '${owner.password}' /boot /data /run/scsigate || true`), "");
  assert.is((await gateway.run("scsigate setup-token")).code, 1);
});

tests.test("how long the start took until it forwards is known", async (bench) => {
  const seconds = () =>
    api<{ readyAfterSeconds: number | null }>(bench.vm("gateway"), "GET", "status").then((s) => s.readyAfterSeconds);
  const ready = await waitFor("it to forward", async () => (await seconds()) ?? undefined, { timeout: FOLLOW_TIMEOUT });
  await restart(bench.vm("gateway"));
  assert.is(
    await waitFor("the same figure", async () => (await seconds()) ?? undefined, { timeout: FOLLOW_TIMEOUT }),
    ready,
  );
});

tests.test("SSH: off, then by key only, and nobody stays in who was locked out", async (bench) => {
  const gateway = bench.vm("gateway");
  const line = await gateway.ok(`dropbearkey -t ed25519 -f ${KEY} | grep ^ssh-`);
  assert.is.not((await gateway.run(`${SSH} -i ${KEY} root@127.0.0.1 id -u`)).code, 0);
  await configure(gateway, { "ssh.enabled": "true", "ssh.keys": JSON.stringify([line]) });
  assert.is(await gateway.ok(`${SSH} -i ${KEY} root@127.0.0.1 id -u`), "0");
  assert.is.not((await gateway.run(`DROPBEAR_PASSWORD='' ${SSH} root@127.0.0.1 id -u </dev/null`)).code, 0);
  assert.match(await gateway.ok("nft list table inet scsigate"), /tcp dport \{[^}]*\b22\b/);
  const session = gateway.start(`${SSH} -i ${KEY} root@127.0.0.1 'echo in; sleep 600'`);
  await waitFor("a session", () => session.output.includes("in"), { timeout: FOLLOW_TIMEOUT });
  await configure(gateway, { "ssh.enabled": "false", "ssh.keys": "[]" });
  await session.done;
  assert.is.not((await gateway.run(`${SSH} -i ${KEY} root@127.0.0.1 id -u`)).code, 0);
});

tests.test("a front panel: real lines of a GPIO chip, opened by who may not export them", async (bench) => {
  const gateway = bench.vm("gateway");
  const levels = async (): Promise<string> =>
    (await gateway.ok("cat /sys/module/lab_gpio/parameters/level")).split(",").slice(0, 4).join("");
  const line = (offset: number, activeLow = false) => ({ chip: "lab-panel", offset, activeLow });
  // Before its chip is there, it is a matter for health.
  await configure(gateway, {
    panel: JSON.stringify({ powerLed: line(0), faultLed: line(2, true), button: line(3, true) }),
  });
  const code = async (): Promise<string[]> =>
    (await api<Status>(gateway, "GET", "status")).health.reasons.map((reason) => reason.code);
  await waitFor("health to tell", async () => (await code()).includes("gpio-unusable"), { timeout: 30_000 });
  await loadModules(gateway, "lab/gpio");
  await gateway.ok("echo 0,0,0,1,0,0,0,0 >/sys/module/lab_gpio/parameters/level"); // the button is up: it is active low
  await waitFor("the LEDs", async () => (await levels()) === "1011", { timeout: 60_000 });
  await waitFor("health to be well", async () => (await code()).length === 0, { timeout: 60_000 });
  const set = (list: string) => `echo ${list} >/sys/module/lab_gpio/parameters/level`;
  await gateway.ok(`${set("1,0,1,0,0,0,0,0")}; sleep 1.5; ${set("1,0,1,1,0,0,0,0")}`);
  await waitFor("the press to be told", async () => (await api<Status>(gateway, "GET", "status")).pressed, {
    timeout: 30_000,
  });
  await configure(gateway, { panel: "{}" });
  await waitFor(
    "the lines to be given back",
    async () => (await gateway.run("ls -d /sys/class/gpio/gpio[0-9]*")).code !== 0,
    {
      timeout: 30_000,
    },
  );
  await gateway.ok("rmmod lab_gpio");
});

tests.test("a machine that hangs for good is reset by its hardware watchdog, and is back", async (bench) => {
  const gateway = bench.vm("gateway");
  assert.is(await gateway.ok("cat /sys/class/watchdog/watchdog0/state"), "active");
  // For the next test. Windows made the name, and hides its ending.
  await gateway.ok("mount -o remount,rw /boot && touch /boot/recover.txt && sync && mount -o remount,ro /boot");
  gateway.expectComplaint(/Kernel panic - not syncing: sysrq triggered crash/);
  assert.is(gateway.watchdogResets, 0);
  await gateway.reboot("echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger");
  assert.is(gateway.watchdogResets, 1);
});

tests.test("recovery: users are forgotten, the settings stay, and the way in is shown", async (bench) => {
  const gateway = bench.vm("gateway");
  const token = await waitFor("a setup token", () => setupToken(gateway), { timeout: FOLLOW_TIMEOUT });
  assert.is(await login(gateway, owner.name, owner.password), "401");
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "prepared");
  assert.is(await gateway.ok("scsigate setup-token"), token);
  await waitFor("the console to show it", () => gateway.console().includes(token), { timeout: FOLLOW_TIMEOUT });
  await waitFor(
    "the boot partition to have it",
    async () => (await gateway.run("head -n 1 /boot/setup-token.txt")).stdout.trim() === token,
    { timeout: FOLLOW_TIMEOUT },
  );
  assert.not.match(await gateway.ok("scsigate logs --json"), token);
  await waitFor(
    "the request to be done",
    async () => (await gateway.run("test -e /run/image/request || test -e /boot/recover.txt")).code === 1,
    {
      timeout: FOLLOW_TIMEOUT,
    },
  );
});

tests.test("a factory reset leaves nothing of the owner's", async (bench) => {
  const gateway = bench.vm("gateway");
  const before = await setupToken(gateway);
  assert.ok((await gateway.run("ls /data/ssh")).stdout.includes("ed25519"));
  await gateway.ok("scsigate reset --yes", { timeout: FOLLOW_TIMEOUT });
  assert.is(await gateway.ok("ls /data/ssh /data/update 2>/dev/null | grep -v : || true"), "");
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "scsigate");
  const after = await setupToken(gateway);
  assert.ok(after !== undefined && after !== before);
});

tests.run();
