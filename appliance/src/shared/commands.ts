// SPDX-License-Identifier: Apache-2.0
/** Running other programs: always a file and a list of arguments, never a shell. */
import { execFile } from "node:child_process";
import { errnoOf, ScsigateError } from "./errors.ts";

export interface CommandOptions {
  /** Text for the program's standard input. */
  input?: string;
  /** Milliseconds until it is killed; 15 s unless told: emulated machines are slow. */
  timeoutMs?: number;
  /** Exit codes beside 0 that are an answer as well, and no failure. */
  mayExitWith?: readonly number[];
}

/**
 * Runs a program to its end and returns its standard output.
 * @throws ScsigateError command-missing when it is not installed, command-failed when it exits with another code than 0.
 */
export type CommandRunner = (file: string, args: readonly string[], options?: CommandOptions) => Promise<string>;

const DEFAULT_TIMEOUT_MS = 15_000;
/** Longest output that is kept, bytes: the neighbour table of a full segment is well below. */
const MAX_OUTPUT = 4 * 1024 * 1024;

export const runCommand: CommandRunner = (file, args, options = {}) =>
  new Promise((resolve, reject) => {
    const timeout = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const child = execFile(
      file,
      [...args],
      { timeout, maxBuffer: MAX_OUTPUT, encoding: "utf8" },
      (error, stdout, stderr) => {
        // Node gives up reading at the end of the time, and calls that a success where the program had ended in the meantime.
        const whole = child.stdout?.readableEnded !== false;
        if (whole && (error === null || options.mayExitWith?.includes(Number(error.code)))) return resolve(stdout);
        const late = error === null || error.killed === true;
        reject(describe(file, args, error, late ? `it had not ended after ${timeout / 1000} s` : stderr));
      },
    );
    child.stdin?.on("error", () => {}); // the program may end without having read its input
    child.stdin?.end(options.input ?? "");
  });

function describe(file: string, args: readonly string[], error: Error | null, stderr: string): ScsigateError {
  if (errnoOf(error) === "ENOENT") {
    return new ScsigateError("command-missing", `${file} is not installed`, `Install ${file} in the image.`, {
      cause: error,
    });
  }
  const said = stderr.trim().split("\n").slice(-3).join("; ");
  return new ScsigateError(
    "command-failed",
    `${[file, ...args].join(" ")}: ${said || error?.message}`,
    `Try the command by hand on the console; it says what ${file} does not like.`,
    { cause: error },
  );
}
