// SPDX-License-Identifier: Apache-2.0
/** Modules, configfs, host name, sysctl. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  ConfigfsOperation,
  HostnameOperation,
  InterfaceSysctlOperation,
  ModuleName,
  ModulesOperation,
  SysctlOperation,
} from "../../protocol/operations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext, Handler } from "../context.ts";
import { setValue } from "../files.ts";

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

export const setSysctl: Handler<SysctlOperation> = (operation, context) =>
  setSetting(join(context.paths.proc, "sys", operation.name.replaceAll(".", "/")), operation.value);

export const setInterfaceSysctl: Handler<InterfaceSysctlOperation> = ({ interface: name, name: key, value }, context) =>
  setSetting(join(context.paths.proc, "sys/net", key === "accept_ra" ? "ipv6" : "ipv4", "conf", name, key), value);

/** A kernel without IPv6 has none of its settings; off it is, then. */
async function setSetting(path: string, value: number): Promise<boolean> {
  if (value === 0 && path.includes("/net/ipv6/") && !(await exists(path))) return false;
  return setValue(path, String(value));
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
