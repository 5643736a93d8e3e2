// SPDX-License-Identifier: Apache-2.0
/**
 * WireGuard under the tunnels. The private key is made here, stays in root's own part of the data partition, and goes to the kernel in a
 * file: it is on no command line, and the service never has it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseTable } from "../../observe/ipJson.ts";
import type { WireguardAnswers } from "../../protocol/messages.ts";
import { WIREGUARD, type WireguardOperation } from "../../protocol/operations.ts";
import { diskFs, writeDurably } from "../../shared/durable.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import { VXLAN_PORT } from "../../shared/ports.ts";
import type { ExecutorContext, ExecutorPaths, Handler } from "../context.ts";
import { exists, writeIfChanged } from "../files.ts";
import { Ours } from "../ours.ts";
import { isUp, removeLink } from "./network.ts";

/** A routing table of its own, and the places of the rules that lead there: for what this machine itself sends, of GRE and VXLAN. */
const TABLE = "23633";
const RULES: Readonly<Record<number, readonly string[]>> = {
  5151: ["ipproto", "47"],
  5152: ["ipproto", "17", "dport", String(VXLAN_PORT)],
};
/** Of the route that is left when the interface is not: what has no way through it has none at all. */
const LAST = "4294967295";
/** Seconds: a gateway that has nothing to say is heard nevertheless, and routers in between remember it. */
const KEEPALIVE = 25;
/** PKCS #8 and SubjectPublicKeyInfo of X25519 (RFC 8410) end with the key itself. */
const KEY_BYTES = 32;
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");

function files({ run, data }: ExecutorPaths) {
  return { key: join(data, "wireguard/key"), config: join(run, "scsigate/wireguard.conf") };
}

export function publicKeyOf(privateKey: string): string {
  const der = Buffer.concat([PKCS8_HEAD, Buffer.from(privateKey, "base64")]);
  const key = createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
  return key.export({ format: "der", type: "spki" }).subarray(-KEY_BYTES).toString("base64");
}

/** As `wg syncconf` reads it; it has the private key. */
export function renderWireguard({ port, peers }: WireguardOperation, privateKey: string): string {
  return [
    "[Interface]",
    `PrivateKey = ${privateKey}`,
    `ListenPort = ${port}`,
    ...peers.flatMap(({ address, publicKey, port: remote }) => [
      "[Peer]",
      `PublicKey = ${publicKey}`,
      `AllowedIPs = ${address}/32`,
      `Endpoint = ${address}:${remote}`,
      `PersistentKeepalive = ${KEEPALIVE}`,
    ]),
    "",
  ].join("\n");
}

export const setWireguard: Handler<WireguardOperation> = async (operation, context) => {
  const { paths, run } = context;
  const { config } = files(paths);
  const { key, made } = await ownKey(context);
  const { peers, mtu } = operation;
  if (peers.length === 0) return made;
  const ours = new Ours(paths.run, "wireguard");
  const sized = await ours.value(WIREGUARD);
  const another = sized !== undefined && sized !== String(mtu);
  if (another) await removeLink(WIREGUARD, context);
  await ours.note(WIREGUARD, String(mtu));
  const present = await exists(join(paths.sys, "class/net", WIREGUARD));
  let changed = made || another || !present;
  if (!present) await run("ip", ["link", "add", "name", WIREGUARD, "mtu", String(mtu), "type", "wireguard"]);

  const wanted = renderWireguard(operation, key);
  if (!present || (await readFile(config, "utf8").catch(() => "")) !== wanted) {
    // What counts as said to the kernel is what it took.
    await rm(`${config}.pending`, { force: true });
    await writeIfChanged(`${config}.pending`, wanted, 0o600);
    await run("wg", ["syncconf", WIREGUARD, `${config}.pending`]);
    await rename(`${config}.pending`, config);
    changed = true;
  }
  if (!(await isUp(WIREGUARD, context))) {
    await run("ip", ["link", "set", "dev", WIREGUARD, "up"]);
    changed = true;
  }
  return (await setWay(operation, context)) || changed;
};

/**
 * Leads what tunnels send there through the interface. Looked at each time: the kernel takes routes away with the address that they are
 * to be sent from.
 */
async function setWay({ peers, source }: WireguardOperation, { run }: ExecutorContext): Promise<boolean> {
  const rules = parseTable(await run("ip", ["-j", "-4", "rule", "show"]), TABLE);
  const missing = Object.entries(RULES).filter(([place]) => !rules.includes(place));
  for (const [place, match] of missing) {
    await run("ip", ["-4", "rule", "add", "pref", place, "iif", "lo", ...match, "lookup", TABLE]);
  }
  // Of each gateway, the way that is wanted and the one that is none; a table without routes is not there.
  const table = await run("ip", ["-4", "route", "show", "table", TABLE]).catch(() => "");
  const present = table.split("\n").map((line) => line.trim().split(/\s+/));
  const wanted = peers.flatMap(({ address }) => [
    ...(source === undefined ? [] : [["", address, source]]),
    ["unreachable", address, ""],
  ]);
  const found = present.flatMap((words) => {
    const after = (word: string): string => (words.includes(word) ? (words[words.indexOf(word) + 1] ?? "") : "");
    if (words[0] === "" || words[0] === undefined) return [];
    return words[0] === "unreachable" ? [["unreachable", words[1] ?? "", ""]] : [["", words[0], after("src")]];
  });
  const text = (routes: string[][]): string => routes.map(String).sort().join("\n");
  if (text(found) === text(wanted)) return missing.length > 0;
  if (found.length > 0) await run("ip", ["-4", "route", "flush", "table", TABLE]);
  for (const { address } of peers) {
    await run("ip", ["-4", "route", "add", "unreachable", `${address}/32`, "metric", LAST, "table", TABLE]);
    if (source === undefined) continue;
    await run("ip", ["-4", "route", "add", `${address}/32`, "dev", WIREGUARD, "src", source, "table", TABLE]);
  }
  return true;
}

/** Ends it; the key stays, for the others know its public half. */
export async function removeWireguard(context: ExecutorContext): Promise<boolean> {
  const ours = new Ours(context.paths.run, "wireguard");
  if ((await ours.value(WIREGUARD)) === undefined) return false;
  const { run } = context;
  for (const place of parseTable(await run("ip", ["-j", "-4", "rule", "show"]), TABLE)) {
    await run("ip", ["-4", "rule", "del", "pref", place, "lookup", TABLE]);
  }
  await run("ip", ["-4", "route", "flush", "table", TABLE]).catch(() => ""); // it is not there when it is empty
  await removeLink(WIREGUARD, context);
  for (const suffix of ["", ".pending"]) await rm(`${files(context.paths).config}${suffix}`, { force: true });
  await ours.forget(WIREGUARD);
  return true;
}

/** Nothing that answers here has the private key: `wg show ... dump` would. */
export async function readWireguard(context: ExecutorContext): Promise<WireguardAnswers> {
  const { paths, run } = context;
  const key = await readKey(files(paths).key).catch(() => undefined);
  const present = await exists(join(paths.sys, "class/net", WIREGUARD));
  const handshakes = present ? await run("wg", ["show", WIREGUARD, "latest-handshakes"]).catch(() => "") : "";
  return { publicKey: key === undefined ? null : publicKeyOf(key), handshakes };
}

async function ownKey({ paths }: ExecutorContext): Promise<{ key: string; made: boolean }> {
  const path = files(paths).key;
  try {
    const present = await readKey(path);
    if (present !== undefined) return { key: present, made: false };
    const { privateKey } = generateKeyPairSync("x25519");
    const key = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-KEY_BYTES).toString("base64");
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(path, `${key}\n`, 0o600);
    return { key, made: true };
  } catch (error) {
    throw new ScsigateError(
      "encryption-unusable",
      `no key for the tunnels: ${toProblem(error).message}`,
      "Check that the data partition can be read and written: `df /data` on the console.",
      { cause: error },
    );
  }
}

/** @returns undefined where there is none, or half of one. @throws what the file system says else: one that cannot be read is not replaced */
async function readKey(path: string): Promise<string | undefined> {
  const text = await diskFs.read(path);
  const key = text?.trim() ?? "";
  return /^[A-Za-z0-9+/]{43}=$/.test(key) ? key : undefined;
}
