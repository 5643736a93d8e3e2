// SPDX-License-Identifier: Apache-2.0
/** Programs whose output is read as it comes, in bytes. */
import { spawn } from "node:child_process";

/** What a program says on standard error, characters: its last words are what matters. */
const MAX_WORDS = 2000;

export interface StreamListener {
  onData(data: Buffer): void;
  /**
   * It ended, or could not be started. Called once.
   * @param code its exit code; null when it was stopped by a signal or never ran
   * @param words the end of its standard error
   */
  onEnd(code: number | null, words: string): void;
}

/** Starts a program: a file and a list of arguments, never a shell's command line. @returns what asks it to end */
export type StreamProgram = (file: string, args: readonly string[], listener: StreamListener) => () => void;

export const startStream: StreamProgram = (file, args, listener) => {
  let words = "";
  let over = false;
  const end = (code: number | null) => {
    if (over) return;
    over = true;
    listener.onEnd(code, words.trim());
  };
  const child = spawn(file, [...args], { stdio: ["ignore", "pipe", "pipe"] });
  child.once("error", (error) => {
    words = error.message;
    end(null);
  });
  child.once("close", end);
  child.stdout.on("data", (data: Buffer) => listener.onData(data));
  child.stderr.on("data", (data: Buffer) => {
    words = (words + data.toString("utf8")).slice(-MAX_WORDS);
  });
  return () => void child.kill();
};
