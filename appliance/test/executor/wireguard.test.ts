// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { validateRequest } from "#request-validator";
import { forgetOwner } from "../../src/executor/forget.ts";
import {
  publicKeyOf,
  readWireguard,
  removeWireguard,
  renderWireguard,
  setWireguard,
} from "../../src/executor/operations/wireguard.ts";
import type { WireguardOperation } from "../../src/protocol/operations.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { writeLink } from "../support/tree.ts";

const KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const operation = (change: Partial<WireguardOperation> = {}): WireguardOperation => ({
  kind: "wireguard",
  port: 51820,
  mtu: 1420,
  source: "192.168.77.2",
  peers: [{ address: "10.9.0.1", publicKey: KEY, port: 7000 }],
  ...change,
});

const wireguard = suite<{ test: TestExecutor }>("WireGuard");
wireguard.before.each((context) => {
  context.test = testExecutor();
});
wireguard.after.each(({ test }) => test.tree.dispose());

/** As the kernel has it after a first round. */
function settle({ tree, outputs }: TestExecutor): void {
  writeLink(tree, "mesh-wg", { index: 9, address: "", physical: false });
  tree.write({ "sys/class/net/mesh-wg/flags": 1 });
  const rules = [5151, 5152].map((priority) => ({ priority, src: "all", iif: "lo", table: "23633" }));
  outputs.set("ip -j -4 rule show", JSON.stringify([{ priority: 0, src: "all", table: "local" }, ...rules]));
  outputs.set(
    "ip -4 route show table 23633",
    "10.9.0.1 dev mesh-wg scope link src 192.168.77.2 \nunreachable 10.9.0.1 metric 4294967295 \n",
  );
}

wireguard("the public key belongs to the private one, as `wg pubkey` has it", () => {
  assert.is(
    publicKeyOf("yCDfBRju6kG7r4IVob32MmVGBQB2vmQe0/r7Jtvrl3Y="),
    "cuxUA5SulCw3PJaZpW6XByCoEkRAa3RvWr7JY1qdjRI=",
  );
});

wireguard("without gateways there is a key of its own, which stays, and nothing else", async ({ test }) => {
  assert.is(await setWireguard(operation({ peers: [] }), test.context), true);
  const key = test.tree.read("data/wireguard/key")?.trim() ?? "";
  assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
  assert.is(statSync(join(test.tree.root, "data/wireguard/key")).mode & 0o777, 0o600);
  assert.is(statSync(join(test.tree.root, "data/wireguard")).mode & 0o777, 0o700);
  assert.equal(test.commands, []);
  assert.is(await setWireguard(operation({ peers: [] }), test.context), false);
  assert.is(test.tree.read("data/wireguard/key")?.trim(), key);
  const { publicKey, handshakes } = await readWireguard(test.context);
  assert.is(publicKey, publicKeyOf(key));
  assert.is(handshakes, "");
});

wireguard("the private key goes to the kernel in a file for root alone", async ({ test }) => {
  assert.is(await setWireguard(operation(), test.context), true);
  const key = test.tree.read("data/wireguard/key")?.trim() ?? "";
  const commands = test.commands.join("\n").replaceAll(test.tree.root, "");
  assert.match(commands, "ip link add name mesh-wg mtu 1420 type wireguard");
  assert.match(commands, "wg syncconf mesh-wg /run/scsigate/wireguard.conf.pending");
  assert.match(commands, "ip -4 rule add pref 5151 iif lo ipproto 47 lookup 23633");
  assert.match(commands, "ip -4 rule add pref 5152 iif lo ipproto 17 dport 4789 lookup 23633");
  assert.match(commands, "ip -4 route add unreachable 10.9.0.1/32 metric 4294967295 table 23633");
  assert.match(commands, "ip -4 route add 10.9.0.1/32 dev mesh-wg src 192.168.77.2 table 23633");
  assert.not.match(commands, key);
  const file = join(test.tree.root, "run/scsigate/wireguard.conf");
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(test.tree.read("run/scsigate/wireguard.conf"), renderWireguard(operation(), key).trimEnd());
  assert.match(renderWireguard(operation(), key), "AllowedIPs = 10.9.0.1/32\nEndpoint = 10.9.0.1:7000");
});

wireguard("what runs is adopted; what the kernel has lost comes back", async ({ test }) => {
  await setWireguard(operation(), test.context);
  settle(test);
  test.commands.length = 0;
  assert.is(await setWireguard(operation(), test.context), false);
  assert.equal(test.commands, ["ip -j -4 rule show", "ip -4 route show table 23633"]);
  // The route goes with the address that it names.
  test.outputs.set("ip -4 route show table 23633", "unreachable 10.9.0.1 metric 4294967295 \n");
  assert.is(await setWireguard(operation(), test.context), true);
  assert.ok(test.commands.includes("ip -4 route add 10.9.0.1/32 dev mesh-wg src 192.168.77.2 table 23633"));
});

wireguard("another address of our own, another size, another key", async ({ test }) => {
  await setWireguard(operation(), test.context);
  settle(test);
  const commands = async (change: Partial<WireguardOperation>): Promise<string> => {
    test.commands.length = 0;
    assert.is(await setWireguard(operation(change), test.context), true);
    return test.commands.join("\n");
  };
  assert.match(await commands({ source: "192.168.77.9" }), "dev mesh-wg src 192.168.77.9");
  const peers = [{ address: "10.9.0.1", publicKey: `A${KEY.slice(1)}`, port: 7000 }];
  const other = await commands({ peers });
  assert.match(other, "wg syncconf");
  assert.not.match(other, "route add", "the way stays");
  assert.match(await commands({ peers, mtu: 1400 }), "ip link del dev mesh-wg");
});

wireguard("what the kernel did not take is said to it again", async ({ test }) => {
  const { run } = test.context;
  test.context.run = async (file, args, options) => {
    if (file === "wg") throw new Error("Line unrecognized");
    return run(file, args, options);
  };
  await setWireguard(operation(), test.context).then(
    () => assert.unreachable(),
    ({ message }) => assert.match(message, "unrecognized"),
  );
  test.context.run = run;
  settle(test);
  test.commands.length = 0;
  assert.is(await setWireguard(operation(), test.context), true);
  assert.ok(test.commands.some((line) => line.startsWith("wg syncconf mesh-wg")));
});

wireguard("what cannot be read is not replaced: the others know the key", async ({ test }) => {
  test.tree.write({ "data/wireguard/key/folder": "in its place" });
  await setWireguard(operation(), test.context).then(
    () => assert.unreachable(),
    ({ code, nextStep }) => {
      assert.is(code, "encryption-unusable");
      assert.match(nextStep, "df /data");
    },
  );
  assert.ok(test.tree.exists("data/wireguard/key/folder"));
});

wireguard("at its end all goes but the key, and with the owner's things that goes too", async ({ test }) => {
  assert.is(await removeWireguard(test.context), false);
  await setWireguard(operation(), test.context);
  settle(test);
  test.commands.length = 0;
  assert.is(await removeWireguard(test.context), true);
  for (const line of [
    "ip -4 rule del pref 5151 lookup 23633",
    "ip -4 rule del pref 5152 lookup 23633",
    "ip -4 route flush table 23633",
    "ip link del dev mesh-wg",
  ]) {
    assert.ok(test.commands.includes(line), line);
  }
  assert.not(test.tree.exists("run/scsigate/wireguard.conf"));
  assert.is(await removeWireguard(test.context), false);
  assert.ok(test.tree.exists("data/wireguard/key"));
  await forgetOwner(test.context);
  assert.not(test.tree.exists("data/wireguard/key"));
});

const REFUSED: Record<string, object> = {
  "a line end in the key": { peers: [{ address: "10.9.0.1", publicKey: `${KEY}\n`, port: 1 }] },
  "a key that is too short": { peers: [{ address: "10.9.0.1", publicKey: KEY.slice(1), port: 1 }] },
  "a network for an address": { peers: [{ address: "10.9.0.1/8", publicKey: KEY, port: 1 }] },
  "a source with words": { source: "10.0.0.1 table main" },
};
for (const [what, change] of Object.entries(REFUSED)) {
  wireguard(`${what} is refused`, () => {
    const apply = (one: object) =>
      validateRequest({ type: "apply", id: 1, plan: { groups: [{ name: "x", operations: [one] }] } });
    assert.ok(apply(operation()), JSON.stringify(validateRequest.errors));
    assert.not(apply({ ...operation(), ...change }));
  });
}

wireguard.run();
