// SPDX-License-Identifier: Apache-2.0
// QEMU's monitor (QMP), on its standard input and output: JSON, one object a line.
import type { Readable, Writable } from "node:stream";
import { LabError } from "../errors.ts";

interface Message {
  readonly event?: string;
  readonly id?: number;
  readonly error?: { readonly desc: string };
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Monitor {
  readonly #input: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: string) => void;
  #nextId = 1;
  #rest = "";

  /** @param onEvent gets the name of each event of QEMU's, such as WATCHDOG */
  constructor(input: Writable, output: Readable, onEvent: (event: string) => void) {
    this.#input = input;
    this.#onEvent = onEvent;
    // It ends with QEMU; whoever waits for an answer learns of that below.
    input.on("error", () => undefined);
    output.setEncoding("utf8");
    output.on("data", (text: string) => this.#receive(text));
    output.once("close", () => this.#fail());
    // Nothing else is answered, and no event comes, before this.
    this.execute("qmp_capabilities").catch(() => undefined);
  }

  /** Carries a command out and waits for its end. Fails when QEMU refuses it, or ends first. */
  execute(command: string, args: Readonly<Record<string, string>> = {}): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#input.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      if (message.event !== undefined) this.#onEvent(message.event);
      if (message.id === undefined) continue;
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve();
      else
        waiting?.reject(
          new LabError("vm-command-failed", `QEMU refuses: ${message.error.desc}.`, "Its manual says why."),
        );
    }
  }

  #fail(): void {
    const error = new LabError("vm-exited", "QEMU ended before it answered.", "Look into the VM's console.");
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
