// SPDX-License-Identifier: Apache-2.0
// The disk under UEFI, on a machine without any network and without anything prepared.
import * as assert from "uvu/assert";
import { api, apply, transaction } from "../src/rigs/supervisor.ts";
import { scenario } from "../src/scenario.ts";
import { waitFor } from "../src/time.ts";
import { offline } from "../src/topologies/image.ts";
import { litLines } from "../src/vm/screen.ts";
import type { Vm } from "../src/vm/vm.ts";

/** The lines of tty1, without the blanks behind them. */
async function screenText(gateway: Vm): Promise<string[]> {
  const [columns = "80"] = (await gateway.ok("stty size </dev/tty1")).split(" ").slice(1);
  // Not ok(): the first lines may be empty, and count.
  const { stdout } = await gateway.run("cat /dev/vcs1");
  const line = new RegExp(`.{${columns}}`, "gs");
  return (stdout.match(line) ?? []).map((text) => text.trimEnd());
}

const tests = scenario("image-offline", offline);

tests.test("it starts by UEFI, and says what is missing", async (bench) => {
  const gateway = bench.vm("gateway");
  assert.is((await gateway.run("test -d /sys/firmware/efi")).code, 0);
  assert.is(await gateway.ok("cat /run/image/slot"), "A");
  // That is told when it is known that it does not just come late.
  const missing = async (): Promise<boolean> => {
    const { reasons } = await gateway.json<{ reasons: { code: string }[] }>("curl -sk https://127.0.0.1/health");
    const told = reasons.some(({ code }) => code === "interface-missing" || code === "no-lan-interface");
    assert.ok(told, JSON.stringify(reasons));
    return told;
  };
  await waitFor("health to tell", missing, { timeout: 60_000 });
  await waitFor("the console to ask for an owner", () => gateway.console().includes("setup token"), {
    timeout: 60_000,
  });
});

tests.test("the screen shows the setup token and what is missing", async (bench) => {
  const gateway = bench.vm("gateway");
  const token = await gateway.ok("scsigate setup-token");
  const lines = await waitFor(
    "the screen's text",
    async () => {
      const now = await screenText(gateway);
      const has = (what: RegExp | string): boolean => now.some((line) => line.match(what) !== null);
      return has(`setup token: ${token}`) && has(/^! \S/) && now;
    },
    { timeout: 60_000 },
  );
  const text = lines.join("\n");
  assert.match(text, /^ {2}page +has no address yet$/m);
  assert.match(text, /^There is no login until then\.$/m);
  await waitFor(
    "the same in the picture",
    async () => {
      const before = await screenText(gateway);
      const lit = litLines(await gateway.picture(), before.length);
      const after = await screenText(gateway);
      // Below the text there is the cursor.
      const end = after.findLastIndex((line) => line !== "") + 1;
      return (
        before.join("\n") === after.join("\n") && after.slice(0, end).every((line, at) => (line !== "") === lit[at])
      );
    },
    { timeout: 60_000 },
  );
});

tests.test(
  "written anew over a used disk, and recovered from the boot menu: the settings stay, the users do not",
  async (bench) => {
    const gateway = bench.vm("gateway");
    const token = await gateway.ok("scsigate setup-token");
    await api(gateway, "POST", "setup", { token, name: "owner", password: "correct horse battery" });
    assert.is((await gateway.run("scsigate setup-token")).code, 1);
    // Not configure(): that the LAN's interface is missing is a problem, and is not to be one here.
    await apply(gateway, { hostname: "kept" });
    await waitFor("the change", async () => (await transaction(gateway)).state === "waiting", { timeout: 60_000 });
    await api(gateway, "POST", "config/confirm", {});
    await gateway.kill();
    await bench.rewriteDisk("gateway");
    await gateway.bootFromMenu("scsigate: forget users");
    assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "kept");
    const another = await waitFor("a setup token", () => gateway.ok("scsigate setup-token"), { timeout: 60_000 });
    assert.is.not(another, token);
    // once at the first start, and again for a partition table that did not know of it
    assert.is(gateway.console().split("S15data: the data partition is made").length, 3);
    await waitFor("the request to be done", async () => (await gateway.run("test -e /run/image/request")).code === 1, {
      timeout: 60_000,
    });
  },
);

tests.test("a power cut, and a factory reset from the boot menu: everything is as it was at first", async (bench) => {
  const gateway = bench.vm("gateway");
  const token = await gateway.ok("scsigate setup-token");
  await gateway.kill();
  await gateway.bootFromMenu("scsigate: factory reset");
  assert.match(gateway.console(), "S15data: factory reset: everything that was set is erased");
  assert.is((await api<{ hostname: string }>(gateway, "GET", "status")).hostname, "scsigate");
  assert.is.not(await gateway.ok("scsigate setup-token"), token);
  await waitFor("the request to be done", async () => (await gateway.run("test -e /run/image/request")).code === 1, {
    timeout: 60_000,
  });
  assert.ok((await api<{ update: unknown }>(gateway, "GET", "update")) !== undefined);
});

tests.run();
