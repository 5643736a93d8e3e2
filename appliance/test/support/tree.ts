// SPDX-License-Identifier: Apache-2.0
/** Temporary folders with sysfs-like content. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface Tree {
  root: string;
  /** Writes files; values get a line end as sysfs gives it. */
  write(files: Record<string, string | number>): void;
  remove(path: string): void;
  exists(path: string): boolean;
  /** Without its line end; undefined when it is absent. */
  read(path: string): string | undefined;
  /** Removes all of it. */
  dispose(): void;
}

export function temporaryTree(): Tree {
  const root = mkdtempSync(join(tmpdir(), "scsigate-test-"));
  return {
    root,
    write(files) {
      for (const [path, value] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), `${value}\n`);
      }
    },
    exists: (path) => existsSync(join(root, path)),
    read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8").trimEnd() : undefined),
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
    dispose() {
      for (let tries = 1; ; tries++) {
        try {
          rmSync(root, { recursive: true, force: true });
          return;
        } catch (error) {
          if (tries === 20) throw error; // a write that was under way came in between
        }
      }
    },
  };
}

export interface LinkFixture {
  index: number;
  address: string;
  /** Physical: has a device. */
  physical?: boolean;
  carrier?: boolean;
  counters?: Partial<Record<string, number>>;
}

const COUNTERS = [
  "rx_packets",
  "rx_bytes",
  "rx_errors",
  "rx_dropped",
  "tx_packets",
  "tx_bytes",
  "tx_errors",
  "tx_dropped",
];

export function writeLink(tree: Tree, name: string, link: LinkFixture): void {
  const folder = `sys/class/net/${name}`;
  tree.write({
    [`${folder}/type`]: 1,
    [`${folder}/ifindex`]: link.index,
    [`${folder}/address`]: link.address,
    [`${folder}/mtu`]: 1500,
    [`${folder}/flags`]: "0x1003",
    [`${folder}/carrier`]: link.carrier === false ? 0 : 1,
  });
  if (link.physical !== false) tree.write({ [`${folder}/device/uevent`]: "" });
  for (const counter of COUNTERS) tree.write({ [`${folder}/statistics/${counter}`]: link.counters?.[counter] ?? 0 });
}

export function writeSegment(tree: Tree, name: string, link: LinkFixture): void {
  writeLink(tree, name, { ...link, physical: false });
  tree.write({
    [`sys/class/net/${name}/mtu`]: 65280,
    [`sys/class/net/${name}/ipscsi/mode`]: "hub",
    [`sys/class/net/${name}/ipscsi/peers/.keep`]: "",
  });
  tree.remove(`sys/class/net/${name}/ipscsi/peers/.keep`);
}

export interface PeerFixture {
  name?: string;
  state?: string;
  role?: string;
  mode?: string;
  /** Name of the initiator that it came by. */
  nexus?: string;
  counters?: Partial<Record<string, number>>;
  /** What it counted by kind. */
  driver?: Record<string, number>;
}

export function writePeer(tree: Tree, segment: string, address: string, peer: PeerFixture = {}): void {
  const folder = `sys/class/net/${segment}/ipscsi/peers/${address}`;
  tree.write({
    [`${folder}/state`]: peer.state ?? "up",
    [`${folder}/role`]: peer.role ?? "initiator",
    [`${folder}/mode`]: peer.mode ?? "get",
    [`${folder}/name`]: peer.name ?? "",
    [`${folder}/features`]: "ext get",
    [`${folder}/device`]: "",
    [`${folder}/nexus`]: peer.nexus ?? "iqn.2026-11.org.scsigate:station-a",
    [`${folder}/in_flight`]: 1,
    [`${folder}/held_gets`]: 4,
    [`${folder}/queued`]: 0,
  });
  for (const counter of [...COUNTERS, "commands"]) {
    tree.write({ [`${folder}/${counter}`]: peer.counters?.[counter] ?? 0 });
  }
  for (const [name, value] of Object.entries(peer.driver ?? {})) tree.write({ [`${folder}/counters/${name}`]: value });
}
