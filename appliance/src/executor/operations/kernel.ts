// SPDX-License-Identifier: Apache-2.0
/** Modules, configfs, host name, time zone, sysctl. */
import { mkdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type {
  ConfigfsOperation,
  HostnameOperation,
  InterfaceSysctlName,
  InterfaceSysctlOperation,
  ModuleName,
  ModulesOperation,
  SysctlOperation,
  TimeZoneOperation,
} from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { exists, setValue } from "../files.ts";
import { Ours } from "../ours.ts";

const DEFAULT_ZONE = "UTC";

export const loadModules: Handler<ModulesOperation> = async (operation, context) => {
  let changed = false;
  for (const name of operation.names) changed = (await loadModule(name, context)) || changed;
  return changed;
};

async function loadModule(name: ModuleName, context: ExecutorContext): Promise<boolean> {
  if (await exists(join(context.paths.sys, "module", name))) return false;
  try {
    await context.run("modprobe", [name], { timeoutMs: 60_000 });
  } catch (error) {
    throw new ScsigateError(
      "module-missing",
      `kernel module ${name} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      name.startsWith("ipscsi")
        ? "The image does not fit its kernel: build kernel/ for the running kernel; `dmesg` has the details."
        : `The kernel needs ${name} built in or as a module.`,
      { cause: error },
    );
  }
  return true;
}

export const mountConfigfs: Handler<ConfigfsOperation> = async (_, context) => {
  const mountPoint = join(context.paths.sys, "kernel/config");
  const mounts = await readFile(join(context.paths.proc, "mounts"), "utf8");
  if (mounts.split("\n").some((line) => line.split(" ")[1] === mountPoint)) return false;
  await context.run("mount", ["-t", "configfs", "configfs", mountPoint]);
  return true;
};

export const setHostname: Handler<HostnameOperation> = (operation, context) =>
  setValue(join(context.paths.proc, "sys/kernel/hostname"), operation.name);

/** /etc/localtime leads to ours in /run, since the root file system is read-only. */
export const setTimeZone: Handler<TimeZoneOperation> = async ({ zone }, { paths }) => {
  const file = join(paths.zones, zone);
  const link = join(paths.run, "scsigate/localtime");
  if ((await readlink(link).catch(() => undefined)) === file) return false;
  if (!(await exists(file))) {
    if (zone === DEFAULT_ZONE) return false; // without any file, programs show UTC
    const nextStep = "Use an image that has the time zones (tzdata), or set time.zone to UTC.";
    throw new ScsigateError("zone-missing", `this image has no time zone ${zone}`, nextStep);
  }
  await mkdir(dirname(link), { recursive: true });
  await rm(`${link}.new`, { force: true });
  await symlink(file, `${link}.new`);
  await rename(`${link}.new`, link);
  return true;
};

export const setSysctl: Handler<SysctlOperation> = (operation, context) =>
  setSetting(operation.name.replaceAll(".", "/"), operation.value, context);

const IPV6_SETTINGS: readonly InterfaceSysctlName[] = ["accept_ra", "proxy_ndp"];

export const setInterfaceSysctl: Handler<InterfaceSysctlOperation> = ({ interface: name, name: key, value }, context) =>
  setSetting(join("net", IPV6_SETTINGS.includes(key) ? "ipv6" : "ipv4", "conf", name, key), value, context);

/**
 * A kernel without IPv6 has none of its settings; off it is, then. One that remembers no connections needs no bound of them. On a host, it is noted what the value was.
 * @param name relative to /proc/sys
 */
export async function setSetting(name: string, value: number, { paths, host }: ExecutorContext): Promise<boolean> {
  const path = join(paths.proc, "sys", name);
  const dispensable = (value === 0 && name.startsWith("net/ipv6/")) || name.startsWith("net/netfilter/");
  if (dispensable && !(await exists(path))) return false;
  if (host !== undefined) {
    const found = new Ours(paths.run, "settings");
    const before = (await readFile(path, "utf8")).trim();
    const noted = encodeURIComponent(name);
    if (before !== String(value) && (await found.value(noted)) === undefined) await found.note(noted, before);
  }
  return setValue(path, String(value));
}

/** Kernel settings as the host had them; of interfaces that are gone there is nothing to restore. */
export async function restoreSettings({ paths }: ExecutorContext): Promise<void> {
  const found = new Ours(paths.run, "settings");
  for (const noted of await found.names()) {
    const path = join(paths.proc, "sys", decodeURIComponent(noted));
    const before = await found.value(noted);
    if (before !== undefined && (await exists(path))) await setValue(path, before);
    await found.forget(noted);
  }
}
