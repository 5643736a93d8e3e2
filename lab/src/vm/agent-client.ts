// SPDX-License-Identifier: Apache-2.0
// The host's end of one lab-agent: runs commands in a VM, many at a time, and survives the VM's reboot.
import { connect, type Socket } from "node:net";
import { LabError } from "../errors.ts";
import { scaled, sleep } from "../time.ts";
import { encodeFrame, FrameParser, MAX_FRAME } from "./frames.ts";

export interface CommandResult {
  /** Exit code; 128 + signal when it was killed, as shells count. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly tty?: boolean;
  /** Gets output as it comes, instead of its being collected. */
  readonly onOutput?: (data: Buffer, stream: "stdout" | "stderr") => void;
}

/** A command that runs in the VM. */
export class RemoteCommand {
  readonly done: Promise<CommandResult>;
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  readonly #send: (type: string, payload: Buffer) => void;
  readonly #onOutput: StartOptions["onOutput"];
  #resolve: (result: CommandResult) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(send: (type: string, payload: Buffer) => void, onOutput?: StartOptions["onOutput"]) {
    this.#send = send;
    this.#onOutput = onOutput;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever starts a command and never awaits it learns of a lost VM elsewhere.
    this.done.catch(() => undefined);
  }

  /** Standard output so far. */
  get output(): string {
    return Buffer.concat(this.#out).toString();
  }

  write(data: string | Buffer): void {
    const bytes = Buffer.from(data);
    for (let at = 0; at < bytes.length; at += MAX_FRAME) this.#send("I", bytes.subarray(at, at + MAX_FRAME));
  }

  closeInput(): void {
    this.#send("I", Buffer.alloc(0));
  }

  kill(signal: "SIGTERM" | "SIGKILL" | "SIGINT" = "SIGTERM"): void {
    this.#send("K", Buffer.from([{ SIGTERM: 15, SIGKILL: 9, SIGINT: 2 }[signal]]));
  }

  resize(rows: number, columns: number): void {
    const size = Buffer.alloc(4);
    size.writeUInt16BE(rows, 0);
    size.writeUInt16BE(columns, 2);
    this.#send("W", size);
  }

  /** For the client: a frame of this command. Returns true when it was the last. */
  take(type: string, payload: Buffer): boolean {
    if (type === "O" || type === "E") {
      if (this.#onOutput !== undefined) this.#onOutput(payload, type === "O" ? "stdout" : "stderr");
      else (type === "O" ? this.#out : this.#err).push(payload);
      return false;
    }
    const [kind, value] = [payload[0] ?? 2, payload[1] ?? 0];
    if (kind === 2) {
      this.fail(
        new LabError("vm-agent", `The VM could not start the command (errno ${value}).`, "Is it out of memory?"),
      );
    } else {
      this.#resolve({
        code: kind === 1 ? 128 + value : value,
        stdout: this.output,
        stderr: Buffer.concat(this.#err).toString(),
      });
    }
    return true;
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** Between two greetings to an agent that has not answered, milliseconds. */
const GREETING_INTERVAL = 3000;

export class AgentClient {
  readonly #path: string;
  readonly #parser = new FrameParser();
  readonly #commands = new Map<number, RemoteCommand>();
  #socket: Socket | undefined;
  #nextId = 1;
  #nonce = 0;
  #greeted: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  #send(frame: { id: number; type: string; payload: Buffer }): void {
    this.#socket?.write(encodeFrame(frame));
  }

  async #open(): Promise<void> {
    const socket = connect(this.#path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    });
    socket.removeAllListeners("error");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.lost("its QEMU is gone");
    });
    socket.on("data", (data) => this.#receive(data));
    this.#socket = socket;
    this.#parser.reset();
  }

  #receive(data: Buffer): void {
    for (const frame of this.#parser.push(data)) {
      if (frame.type === "H") {
        if (frame.payload.toString() === String(this.#nonce)) this.#greeted?.();
        continue;
      }
      const command = this.#commands.get(frame.id);
      if (command?.take(frame.type, frame.payload)) this.#commands.delete(frame.id);
    }
  }

  /** Fails all commands under way: the VM has gone or starts anew. */
  lost(why: string): void {
    const error = new LabError("vm-agent", `The connection to the VM was lost: ${why}.`, "Look into its console.");
    for (const command of this.#commands.values()) command.fail(error);
    this.#commands.clear();
  }

  /** Connects and waits until the agent in the VM answers, or `signal` says that nobody waits any more. */
  async greet(timeout: number, signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + scaled(timeout);
    this.lost("a new session starts");
    this.#parser.reset();
    let answered = false;
    this.#greeted = () => {
      answered = true;
    };
    let next = 0;
    while (!answered) {
      signal?.throwIfAborted();
      if (Date.now() > deadline) {
        throw new LabError(
          "vm-not-ready",
          `The agent in the VM did not answer within ${scaled(timeout)} ms.`,
          "Look into its console; on a slow machine set LAB_TIMEOUT_SCALE=2 or more.",
        );
      }
      if (this.#socket === undefined) {
        await this.#open().catch(() => undefined);
        next = 0;
      }
      if (this.#socket !== undefined && Date.now() >= next) {
        this.#nonce += 1;
        this.#send({ id: 0, type: "H", payload: Buffer.from(String(this.#nonce)) });
        next = Date.now() + GREETING_INTERVAL;
      }
      await sleep(20);
    }
  }

  start(command: string, options: StartOptions = {}): RemoteCommand {
    const id = this.#nextId++;
    const remote = new RemoteCommand((type, payload) => this.#send({ id, type, payload }), options.onOutput);
    if (this.#socket === undefined) {
      remote.fail(new LabError("vm-agent", "The VM is not running.", "Start it first."));
      return remote;
    }
    this.#commands.set(id, remote);
    this.#send({ id, type: options.tty === true ? "T" : "R", payload: Buffer.from(command) });
    return remote;
  }

  close(): void {
    this.lost("it was closed");
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}
