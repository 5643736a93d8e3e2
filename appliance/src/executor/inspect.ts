// SPDX-License-Identifier: Apache-2.0
/**
 * What the machine is like, as root sees it, for whoever helps. Nothing is changed; what a password could be in is not
 * read, and all of it has an end.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { InspectedFile } from "../protocol/messages.ts";
import { toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";

type CommandLine = readonly [string, ...string[]];

/** Command lines by the name of the file that has their output. */
const COMMANDS: Record<string, CommandLine> = {
  "ip-link": ["ip", "-d", "-s", "link", "show"],
  "ip-address": ["ip", "address", "show"],
  "ip-route": ["ip", "-4", "route", "show", "table", "all"],
  "ip-route6": ["ip", "-6", "route", "show", "table", "all"],
  "ip-rule": ["ip", "rule", "show"],
  "ip-neighbour": ["ip", "neighbour", "show"],
  "bridge-link": ["bridge", "-d", "link", "show"],
  "bridge-fdb": ["bridge", "fdb", "show"],
  nft: ["nft", "list", "ruleset"],
  sockets: ["ss", "-tuln"],
  disks: ["df", "-k"],
};
/** For each interface. */
const ETHTOOL = { settings: [], driver: ["-i"], offloads: ["-k"], statistics: ["-S"] };
/** A bridge of many segments has no more. */
const MAX_INTERFACES = 32;
const COMMAND_MS = 5000;
/** After this no further program is started: whoever asked has 30 s of patience. */
const MAX_MS = 15_000;
/** Longest file, and all of them, bytes. */
const MAX_FILE = 256 * 1024;
const MAX_TOTAL = 4 * 1024 * 1024;
const MAX_ENTRIES = 4000;
const MAX_DEPTH = 12;
const MAX_VALUE = 4096;
/** LIO's folders of CHAP names and passwords are named auth and discovery_auth. */
const PRIVATE = /auth|passw|secret/i;
/** What sysfs has for drivers and power management: no state of ours. */
const BORING = /^(power|subsystem|device|driver|uevent|autosuspend.*|statistics|queues)$/;

/** One after the other: a board that is short of breath is what this is for. */
export async function inspect(context: ExecutorContext): Promise<InspectedFile[]> {
  const { sys, proc, run: volatile } = context.paths;
  const files: InspectedFile[] = [];
  const links = await interfaces(sys);
  const end = context.clock.monotonic() + MAX_MS;
  const lines: [name: string, line: CommandLine][] = [
    ...Object.entries(COMMANDS),
    ...links.flatMap((link) =>
      Object.entries(ETHTOOL).map(([name, options]): [string, CommandLine] => [
        `ethtool-${link}-${name}`,
        ["ethtool", ...options, link],
      ]),
    ),
  ];
  for (const [name, line] of lines) {
    const late = context.clock.monotonic() > end;
    files.push(file(name, late ? "left out: it took too long\n" : await output(line, context)));
  }
  for (const name of ["cmdline", "interrupts", "loadavg", "meminfo", "modules", "mounts", "uptime", "version"]) {
    files.push(file(`proc-${name}`, await text(join(proc, name))));
  }
  files.push(
    await tree("configfs-target", join(sys, "kernel/config/target")),
    await tree("debugfs-ipscsi", join(sys, "kernel/debug/ipscsi")),
    await tree("sysfs-scsi_host", join(sys, "class/scsi_host")),
    await tree("sysfs-fc_host", join(sys, "class/fc_host")),
    await tree("run-dnsmasq", join(volatile, "scsigate"), /^dnsmasq-.*\.conf$/),
  );
  for (const link of links) files.push(await tree(`sysfs-net-${link}`, join(sys, "class/net", link, "ipscsi")));
  let room = MAX_TOTAL;
  return files.filter(({ content }) => {
    if (content === "" || content.length > room) return false;
    room -= content.length;
    return true;
  });
}

function file(name: string, content: string): InspectedFile {
  return { name: `${name}.txt`, content: cut(content) };
}

function cut(content: string): string {
  return content.length <= MAX_FILE ? content : `${content.slice(0, MAX_FILE)}\n... and more\n`;
}

async function interfaces(sys: string): Promise<string[]> {
  const names = await readdir(join(sys, "class/net")).catch(() => []);
  return names.sort().slice(0, MAX_INTERFACES);
}

/** What a program prints, or why it did not. */
function output([command, ...args]: CommandLine, { run }: ExecutorContext): Promise<string> {
  return run(command, args, { timeoutMs: COMMAND_MS }).catch((error: unknown) => `${toProblem(error).message}\n`);
}

/** All files below a folder, a line each: "path: value". References are named, and not followed. */
async function tree(name: string, root: string, only?: RegExp): Promise<InspectedFile> {
  const lines: string[] = [];
  const walk = async (path: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((one, other) => one.name.localeCompare(other.name))) {
      if (lines.length >= MAX_ENTRIES || PRIVATE.test(entry.name) || BORING.test(entry.name)) continue;
      if (only !== undefined && !only.test(entry.name)) continue;
      const at = path === "" ? entry.name : `${path}/${entry.name}`;
      // Below the classes of sysfs each device is a reference: those of the first level are followed.
      const followed = entry.isSymbolicLink() && depth === 0 && (await isFolder(join(root, at)));
      if (entry.isDirectory() || followed) {
        if (depth < MAX_DEPTH) await walk(at, depth + 1);
      } else if (entry.isSymbolicLink()) lines.push(`${at} -> a reference`);
      else
        lines.push(`${at}: ${(await text(join(root, at))).trimEnd().replaceAll("\n", "\n    ").slice(0, MAX_VALUE)}`);
    }
  };
  await walk("", 0);
  return file(name, lines.map((line) => `${line}\n`).join(""));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** A file's content; empty when it cannot be read: some settings can only be written. */
function text(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
