// SPDX-License-Identifier: Apache-2.0
/** Programs that run on and tell something line by line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface LineListener {
  onLine(line: string): void;
  /** It ended, or could not be started. Called once, not after stop. */
  onEnd(error: Error): void;
}

export interface LineOptions {
  /** Beside our own environment. */
  environment?: Readonly<Record<string, string>>;
  /** Lines of standard error, too. */
  errors?: boolean;
}

/** Starts a program: a file and a list of arguments, never a shell's command line. @returns what stops it */
export type LineProgram = (
  file: string,
  args: readonly string[],
  listener: LineListener,
  options?: LineOptions,
) => () => void;

export const startLines: LineProgram = (file, args, listener, { environment, errors = false } = {}) => {
  let over = false;
  const end = (error: Error) => {
    if (over) return;
    over = true;
    listener.onEnd(error);
  };
  const child = spawn(file, [...args], {
    stdio: ["ignore", "pipe", errors ? "pipe" : "ignore"],
    env: { ...process.env, ...environment },
  });
  child.once("error", end);
  child.once("close", (code, signal) => end(new Error(`${file} ended: ${signal ?? code}`)));
  const readers = [child.stdout, child.stderr].flatMap((input) => (input ? [createInterface({ input })] : []));
  for (const lines of readers) {
    lines.on("line", (line) => {
      if (!over) listener.onLine(line);
    });
  }
  return () => {
    over = true;
    for (const lines of readers) lines.close();
    child.kill();
  };
};
