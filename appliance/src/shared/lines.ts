// SPDX-License-Identifier: Apache-2.0
/** Programs that run on and tell something line by line. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface LineListener {
  onLine(line: string): void;
  /** It ended, or could not be started. Called once, not after stop. */
  onEnd(error: Error): void;
}

/** Starts a program: a file and a list of arguments, never a shell's command line. @returns what stops it */
export type LineProgram = (file: string, args: readonly string[], listener: LineListener) => () => void;

export const startLines: LineProgram = (file, args, listener) => {
  let over = false;
  const end = (error: Error) => {
    if (over) return;
    over = true;
    listener.onEnd(error);
  };
  const child = spawn(file, [...args], { stdio: ["ignore", "pipe", "ignore"] });
  child.once("error", end);
  child.once("close", (code, signal) => end(new Error(`${file} ended: ${signal ?? code}`)));
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (!over) listener.onLine(line);
  });
  return () => {
    over = true;
    lines.close();
    child.kill();
  };
};
