// SPDX-License-Identifier: Apache-2.0
/**
 * Programs that outlive this process. They are found again by their pid file and command line, so that a restarted executor
 * adopts what runs instead of starting it anew: forwarding does not notice.
 */
import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errnoOf, ScsigateError } from "../shared/errors.ts";

export interface Processes {
  /**
   * The process that a pid file names, if it runs and one of its arguments, of which the first is its name, is this one.
   * @param pidFile absolute path
   */
  find(pidFile: string, argument: string | RegExp): Promise<number | undefined>;
  /** All processes of a program whose command line has this argument. */
  findAll(program: string, argument: string): Promise<number[]>;
  /** Starts a program in a session of its own, without our input and output. */
  startDetached(file: string, args: readonly string[], environment?: Record<string, string>): Promise<number>;
  /** Asks a process to end and waits until it has; after two seconds it is killed. */
  stop(pid: number): Promise<void>;
}

/** How long a process may take to end, milliseconds, before it is killed. */
const STOP_TIMEOUT_MS = 2000;
const STOP_POLL_MS = 50;

/** @param proc /proc */
export function systemProcesses(proc: string): Processes {
  async function commandLine(pid: number): Promise<string[]> {
    const text = await readFile(join(proc, String(pid), "cmdline"), "utf8").catch(() => "");
    return text.split("\0").filter((argument) => argument !== "");
  }

  /** A process that ends loses its command line first, and its sockets later: it has ended as a zombie, or gone. */
  async function hasEnded(pid: number): Promise<boolean> {
    const stat = await readFile(join(proc, String(pid), "stat"), "utf8").catch(() => undefined);
    return stat === undefined || /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  }

  return {
    async find(pidFile, argument) {
      const text = await readFile(pidFile, "utf8").catch(() => "");
      const pid = Number(text.trim());
      if (!Number.isInteger(pid) || pid <= 1) return undefined;
      const isIt = (one: string) => (typeof argument === "string" ? one === argument : argument.test(one));
      return (await commandLine(pid)).some(isIt) ? pid : undefined;
    },

    async findAll(program, argument) {
      const pids: number[] = [];
      for (const name of await readdir(proc)) {
        if (!/^[0-9]+$/.test(name)) continue;
        const [file = "", ...rest] = await commandLine(Number(name));
        if (basename(file) === program && rest.includes(argument)) pids.push(Number(name));
      }
      return pids;
    },

    startDetached(file, args, environment = {}) {
      return new Promise((resolve, reject) => {
        const child = spawn(file, [...args], {
          detached: true,
          stdio: "ignore",
          cwd: "/",
          env: { PATH: process.env["PATH"] ?? "/sbin:/usr/sbin:/bin:/usr/bin", ...environment },
        });
        child.once("error", (error) => {
          reject(
            errnoOf(error) === "ENOENT"
              ? new ScsigateError("command-missing", `${file} is not installed`, `Install ${file} in the image.`)
              : error,
          );
        });
        child.once("spawn", () => {
          child.unref();
          resolve(child.pid ?? 0);
        });
      });
    },

    async stop(pid) {
      for (const name of ["SIGTERM", "SIGKILL"] as const) {
        if (!signal(pid, name)) return;
        for (let waited = 0; waited < STOP_TIMEOUT_MS; waited += STOP_POLL_MS) {
          await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS));
          if (await hasEnded(pid)) return;
        }
      }
    },
  };
}

/** False when there is no such process. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  }
}
