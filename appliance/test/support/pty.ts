// SPDX-License-Identifier: Apache-2.0
/** A pseudo terminal: a real tty for the program under test, and its other end for the test. script(1) makes it. */
import { spawn } from "node:child_process";

export interface Pty {
  /** The tty. */
  path: string;
  /** Sends bytes to whoever has the tty open. */
  write(bytes: Uint8Array): void;
  /** Bytes that were written to the tty. */
  onData(listener: (bytes: Buffer) => void): void;
  /** Takes the tty away, as a plug that is pulled. Resolves when it is gone. */
  close(): Promise<void>;
}

export async function openPty(): Promise<Pty> {
  // The name is printed once the tty passes all bytes on as they are.
  const child = spawn("script", ["-q", "-e", "-c", "stty raw -echo && tty && exec sleep infinity", "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const listeners: ((bytes: Buffer) => void)[] = [];
  child.stdin.on("error", () => undefined); // it is gone: so is the plug
  const path = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.stdout.on("data", (bytes: Buffer) => {
      if (said === "done") {
        for (const listener of listeners) listener(bytes);
        return;
      }
      // Before its tty is raw, a line end is two characters.
      said += bytes.toString("latin1");
      const name = /^(\/dev\/pts\/[0-9]+)\r?\n/.exec(said)?.[1];
      if (name === undefined) return;
      said = "done";
      resolve(name);
    });
    void ended.then(() => reject(new Error(`script made no tty: ${said}`)));
  });
  return {
    path,
    write: (bytes) => void child.stdin.write(bytes),
    onData: (listener) => void listeners.push(listener),
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
