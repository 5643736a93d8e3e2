// SPDX-License-Identifier: Apache-2.0
// Child processes of the host: run one to its end and get its output, or fail with what it said.
import { spawn } from "node:child_process";
import { LabError } from "./errors.ts";

export interface ExecOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Exit codes that are no failure; 0 always is one. */
  readonly accept?: readonly number[];
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

// depmod, mosquitto and others are where a normal user's PATH does not look.
process.env["PATH"] = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** The end of a text, where the reason of a failure usually is. */
const REASON_CHARS = 3000;

export async function exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => err.push(data));
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") return reject(error);
      reject(
        new LabError(
          "host-tool-missing",
          `The program ${command} is not installed here.`,
          "Run `make install`.",
          error,
        ),
      );
    });
    child.once("close", (status, signal) => resolve(signal === null ? (status ?? 1) : 128));
  });
  const result = { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  if (code !== 0 && !(options.accept ?? []).includes(code)) {
    throw new LabError(
      "command-failed",
      `"${[command, ...args].join(" ").slice(0, 400)}" ended with exit code ${code}:\n${(result.stderr || result.stdout).slice(-REASON_CHARS)}\n`,
      "The lines above say why.",
    );
  }
  return result;
}
