// SPDX-License-Identifier: Apache-2.0
/**
 * LIO's part of configfs, as far as the executor uses it, with the kernel's habits: folders come with their files and default
 * groups, settings answer with a line end, what is referred to cannot go, and wrong order is refused.
 */
import type { ConfigFs } from "../../src/executor/configFs.ts";

class KernelError extends Error {
  readonly code: string;
  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

/** What a new folder contains: [pattern of its path, folders, files with their first value]. */
const TEMPLATES: [RegExp, string[], Record<string, string>][] = [
  [/^core\/ipscsi_0\/[^/]+$/, ["attrib", "wwn"], { control: "", enable: "0", info: "" }],
  [/^core\/fileio_0\/[^/]+$/, ["attrib", "wwn"], { control: "", enable: "0", "wwn/vpd_unit_serial": "" }],
  [
    /^iscsi\/[^/]+\/tpgt_1$/,
    ["acls", "lun", "np", "attrib", "auth", "param"],
    {
      enable: "0",
      "attrib/authentication": "1",
      "attrib/generate_node_acls": "0",
      "attrib/demo_mode_write_protect": "1",
    },
  ],
  [
    /^iscsi\/[^/]+\/tpgt_1\/acls\/[^/]+$/,
    ["attrib", "auth", "param"],
    {
      cmdsn_depth: "64",
      ...{ "auth/userid": "", "auth/password": "", "auth/userid_mutual": "", "auth/password_mutual": "" },
    },
  ],
  [
    /^qla2xxx\/[^/]+\/tpgt_1$/,
    ["acls", "lun", "attrib", "auth", "param"],
    {
      enable: "0",
      "attrib/generate_node_acls": "1",
      "attrib/demo_mode_login_only": "1",
      "attrib/demo_mode_write_protect": "1",
    },
  ],
  [/^(srpt|sbp)\/[^/]+\/tpgt_1$/, ["acls", "lun", "attrib", "auth", "param"], { enable: "0" }],
  [/^(qla2xxx|srpt|sbp)\/[^/]+\/tpgt_1\/acls\/[^/]+$/, ["attrib", "auth", "param"], {}],
  [/^[^/]+\/[^/]+\/tpgt_1\/acls\/[^/]+\/lun_\d+$/, [], { write_protect: "0" }],
  [/^loopback\/[^/]+\/tpgt_1$/, ["lun", "attrib"], { nexus: "", address: "2:0:1" }],
];

export class FakeConfigFs implements ConfigFs {
  readonly folders = new Set<string>(["", "core"]);
  readonly files = new Map<string, string>();
  /** Reference path -> object path. */
  readonly links = new Map<string, string>();
  /** Ports of host adapters, as "qla2xxx/<port>"; no other can be made. */
  readonly ports = new Set<string>();
  /** Everything that changed something, in order: "make x", "write x=1", ... */
  readonly journal: string[] = [];

  async exists(path: string): Promise<boolean> {
    return this.folders.has(path) || this.files.has(path) || this.links.has(path);
  }

  async list(path: string): Promise<string[]> {
    const all = [...this.folders, ...this.files.keys(), ...this.links.keys()];
    return all.filter((entry) => parent(entry) === path && entry !== "").map((entry) => entry.slice(path.length + 1));
  }

  async make(path: string): Promise<boolean> {
    if (this.folders.has(path)) return false;
    if (!this.folders.has(parent(path))) throw new KernelError("ENOENT", path);
    if (/^(qla2xxx|srpt|sbp)\/[^/]+$/.test(path) && !this.ports.has(path)) throw new KernelError("ENODEV", path);
    this.folders.add(path);
    this.journal.push(`make ${path}`);
    for (const [pattern, folders, files] of TEMPLATES) {
      if (!pattern.test(path)) continue;
      for (const folder of folders) this.folders.add(`${path}/${folder}`);
      for (const [name, value] of Object.entries(files)) this.files.set(`${path}/${name}`, value);
    }
    return true;
  }

  async remove(path: string): Promise<void> {
    if (!this.folders.has(path)) throw new KernelError("ENOENT", path);
    const inUse = [...this.links].some(([from, to]) => from.startsWith(`${path}/`) || to === path);
    if (inUse) throw new KernelError("EBUSY", path);
    const made = [...this.folders].some(
      (folder) => parent(folder) === path && /\/(lun_\d+|iqn[^/]*|0x[^/]*|[0-9a-f]{2}:[^/]*)$/.test(folder),
    );
    if (made) throw new KernelError("ENOTEMPTY", path);
    for (const folder of this.folders)
      if (folder === path || folder.startsWith(`${path}/`)) this.folders.delete(folder);
    for (const file of this.files.keys()) if (file.startsWith(`${path}/`)) this.files.delete(file);
    this.journal.push(`remove ${path}`);
  }

  async read(path: string): Promise<string> {
    const value = this.files.get(path);
    if (value === undefined) throw new KernelError("ENOENT", path);
    if (path.endsWith("/nexus") && value === "") throw new KernelError("ENODEV", path);
    return value;
  }

  async write(path: string, value: string): Promise<void> {
    if (!this.files.has(path)) throw new KernelError("EACCES", path);
    // As the kernel: of most settings it ignores the line end, of a password it does not.
    const text = path.includes("/auth/") ? value : value.trimEnd();
    if (path.startsWith("core/") && path.endsWith("/enable")) {
      if (!this.files.get(path.replace(/enable$/, "control"))) throw new KernelError("EINVAL", path);
      if (this.files.get(path) === "1") throw new KernelError("EEXIST", path);
    }
    this.files.set(path, text);
    this.journal.push(`write ${path}=${text}`);
  }

  async link(target: string, path: string): Promise<void> {
    if (!this.folders.has(target) || !this.folders.has(parent(path))) throw new KernelError("ENOENT", path);
    if (target.startsWith("core/") && this.files.get(`${target}/enable`) !== "1") throw new KernelError("ENODEV", path);
    this.links.set(path, target);
    this.journal.push(`link ${path} -> ${target}`);
  }

  async referred(path: string): Promise<string> {
    const target = this.links.get(path);
    if (target === undefined) throw new KernelError("ENOENT", path);
    return target.slice(target.lastIndexOf("/") + 1);
  }

  async unlink(path: string): Promise<void> {
    if (!this.links.delete(path)) throw new KernelError("ENOENT", path);
    this.journal.push(`unlink ${path}`);
  }
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
