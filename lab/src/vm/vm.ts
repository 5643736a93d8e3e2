// SPDX-License-Identifier: Apache-2.0
// One VM: its QEMU process, its console, commands in it.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { LabError } from "../errors.ts";
import { scaled, sleep, waitFor } from "../time.ts";
import type { Topology, VmSpec } from "../topologies/types.ts";
import { AgentClient, type CommandResult, type RemoteCommand, type StartOptions } from "./agent-client.ts";
import { chooseFromMenu } from "./boot-menu.ts";
import { disownPid, ownPid } from "./cleanup.ts";
import { type Complaint, findComplaints } from "./complaints.ts";
import { Monitor } from "./monitor.ts";
import { agentSocket, consoleFile, type QemuContext, qemuArgs, serialSocket } from "./qemu-args.ts";
import { type Picture, readPicture } from "./screen.ts";

export interface RunOptions {
  /** Milliseconds before scaling; the command is killed then. */
  readonly timeout?: number;
  readonly input?: string;
}

const DEFAULT_COMMAND_TIMEOUT = 60_000;
/** From "reboot", or a machine that hangs and its watchdog, to the end of its QEMU, milliseconds. */
const RESET_TIMEOUT = 90_000;
/** A kernel's last word before it resets the machine on request; nothing like it before it powers off or panics. */
const REBOOTED = /reboot: (Restarting system( with command '[^']*')?|machine restart)\s*$/;
/** Made by the last start script of the lab's layer. */
const BOOTED = "test -e /run/lab/booted";

export class Vm {
  readonly name: string;
  readonly spec: VmSpec;
  readonly #topology: Topology;
  readonly #context: QemuContext;
  readonly #agent: AgentClient;
  #qemu: ChildProcess | undefined;
  #monitor: Monitor | undefined;
  #qemuOutput = "";
  #watchdogResets = 0;
  #startedAt = 0;
  #expected: RegExp[] = [];

  constructor(topology: Topology, spec: VmSpec, context: QemuContext) {
    this.name = spec.name;
    this.spec = spec;
    this.#topology = topology;
    this.#context = context;
    this.#agent = new AgentClient(agentSocket(context.dir, spec.name, "agent"));
  }

  get running(): boolean {
    return this.#qemu !== undefined;
  }

  get pid(): number | undefined {
    return this.#qemu?.pid;
  }

  /** Starts QEMU; does not wait for the guest. */
  power(): void {
    if (this.#qemu !== undefined) return;
    const args = [
      "--pdeathsig",
      "SIGKILL",
      this.#context.emulator.program,
      ...qemuArgs(this.#topology, this.spec, this.#context),
    ];
    const qemu = spawn("setpriv", args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...this.#context.emulator.env },
      // A session of its own: Ctrl-C on the terminal is for us, and we stop QEMU in our order.
      detached: true,
    });
    this.#qemu = qemu;
    this.#qemuOutput = "";
    this.#startedAt = Date.now();
    if (qemu.pid !== undefined) ownPid(qemu.pid);
    qemu.stderr.on("data", (data: Buffer) => {
      this.#qemuOutput += data.toString();
    });
    let watchdog = false;
    this.#monitor = new Monitor(qemu.stdin, qemu.stdout, (event) => {
      if (event === "WATCHDOG") watchdog = true;
    });
    const gone = (): void => {
      if (qemu.pid !== undefined) disownPid(qemu.pid);
      if (this.#qemu === qemu) this.#qemu = undefined;
    };
    qemu.once("error", (error) => {
      this.#qemuOutput += error.message;
      gone();
    });
    // Not "exit": its last event may come after that.
    qemu.once("close", (code) => {
      gone();
      if (watchdog) this.#watchdogResets += 1;
      // QEMU ends when the machine is reset (qemu-args.ts); the next boot gets a new one.
      if (code === 0 && (watchdog || REBOOTED.test(this.console()))) this.power();
    });
  }

  /** What QEMU itself said (not the guest). */
  get qemuOutput(): string {
    return this.#qemuOutput;
  }

  /** Starts the VM and waits until it is of use. Returns the seconds that it took. */
  async boot(): Promise<number> {
    this.power();
    await this.ready(this.#startedAt);
    return (Date.now() - this.#startedAt) / 1000;
  }

  /** Waits for the agent, then for the topology's ready command. */
  async ready(since: number = Date.now()): Promise<void> {
    const limit = scaled(this.spec.readySeconds * 1000);
    const left = (): number => Math.max(since + limit - Date.now(), 1000) / scaled(1);
    const dead = setInterval(() => {
      if (this.#qemu === undefined) this.#agent.close();
    }, 200);
    const greeting = new AbortController();
    try {
      await Promise.race([this.#agent.greet(left(), greeting.signal), this.#exited()]);
    } catch (error) {
      if (error instanceof LabError && error.code === "vm-exited") throw error;
      throw new LabError(
        "vm-not-ready",
        `${this.name}: ${String(error)}`,
        `Its console ends:\n${this.consoleEnd()}`,
        error,
      );
    } finally {
      clearInterval(dead);
      greeting.abort();
    }
    const command = `${BOOTED} && ${this.spec.ready}`;
    let last: CommandResult | undefined;
    try {
      await waitFor(
        `${this.name} to be ready ("${this.spec.ready}")`,
        async () => {
          if (this.#qemu === undefined) await this.#exited();
          last = await this.run(command, { timeout: 15_000 });
          return last.code === 0;
        },
        { timeout: left(), interval: 500 },
      );
    } catch (error) {
      if (error instanceof LabError && error.code === "vm-exited") throw error;
      const said = last === undefined ? "" : ` It last ended with ${last.code}: ${last.stderr.trim()}`;
      throw new LabError("vm-not-ready", `${String(error)}${said}`, `Its console ends:\n${this.consoleEnd()}`, error);
    }
  }

  /** Never fulfilled; rejected when QEMU ends. */
  async #exited(): Promise<never> {
    while (this.#qemu !== undefined) await sleep(100);
    throw new LabError(
      "vm-exited",
      `QEMU of ${this.name} ended: ${this.#qemuOutput.trim() || "it said nothing"}`,
      `The VM's console ends:\n${this.consoleEnd()}`,
    );
  }

  start(command: string, options: StartOptions = {}): RemoteCommand {
    return this.#agent.start(command, options);
  }

  /** Runs a shell command to its end. A non-zero exit code is a result, not an error. */
  async run(command: string, options: RunOptions = {}): Promise<CommandResult> {
    const remote = this.start(command);
    if (options.input !== undefined) remote.write(options.input);
    remote.closeInput();
    const limit = scaled(options.timeout ?? DEFAULT_COMMAND_TIMEOUT);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        remote.kill("SIGKILL");
        const soFar = remote.output.slice(-1000);
        reject(
          new LabError(
            "command-timeout",
            `${this.name}: "${command}" was not done after ${limit} ms; it was killed. Output so far:\n${soFar}\n`,
            "Give it a longer timeout, or set LAB_TIMEOUT_SCALE on a slow machine.",
          ),
        );
      }, limit);
    });
    try {
      return await Promise.race([remote.done, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a command that must succeed and returns its standard output without the white space around it. */
  async ok(command: string, options: RunOptions = {}): Promise<string> {
    const result = await this.run(command, options);
    if (result.code !== 0) {
      throw new LabError(
        "vm-command-failed",
        `${this.name}: "${command}" ended with ${result.code}.\n${result.stdout.slice(-2000)}${result.stderr.slice(-2000)}`,
        "The output above says why; the logs have the console.",
      );
    }
    return result.stdout.trim();
  }

  async json<T>(command: string, options: RunOptions = {}): Promise<T> {
    return JSON.parse(await this.ok(command, options)) as T;
  }

  /** A file of the host, as it is, to a path in the guest. */
  putFile(file: string, path: string): Promise<string> {
    return this.ok(`base64 -d >'${path}'`, { input: `${readFileSync(file).toString("base64")}\n` });
  }

  writeFile(path: string, text: string): Promise<string> {
    return this.ok(`mkdir -p "$(dirname '${path}')" && cat >'${path}'`, { input: text });
  }

  /** Pulls the plug: QEMU gets SIGKILL. */
  async kill(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu === undefined) return;
    qemu.kill("SIGKILL");
    while (this.#qemu === qemu) await sleep(10);
    this.#agent.close();
  }

  /** Runs what ends in a reset of the machine, by itself or by its watchdog, and waits until the VM is of use again. */
  async reboot(command = "reboot"): Promise<void> {
    const before = this.pid;
    void this.start(command);
    await waitFor(`${this.name} to be reset`, async () => this.running && this.pid !== before, {
      timeout: RESET_TIMEOUT,
    });
    await this.ready(this.#startedAt);
  }

  /** Resets by the hardware watchdog since the VM was first started. */
  get watchdogResets(): number {
    return this.#watchdogResets;
  }

  /** Starts a VM that is off, and chooses the entry of the boot loader's menu whose title begins so. */
  async bootFromMenu(entry: string): Promise<void> {
    this.power();
    await chooseFromMenu(serialSocket(this.#context.dir, this.name), entry);
    await this.ready(this.#startedAt);
  }

  /** What the screen shows now, of a VM that has one. */
  async picture(): Promise<Picture> {
    const file = `${this.#context.dir}/${this.name}.ppm`;
    await this.#monitor?.execute("screendump", { filename: file });
    const picture = readPicture(readFileSync(file));
    rmSync(file);
    return picture;
  }

  /** Plugs an adapter in that was to come later, with its device. @param index in the VM's spec */
  async plugAdapter(index: number): Promise<void> {
    const id = `scsi${index}`;
    const driver = this.spec.adapters[index]?.kind ?? "";
    await this.#monitor?.execute("device_add", { driver, id });
    await this.#monitor?.execute("device_add", { driver: "scsi-generic", bus: `${id}.0`, drive: `lun${index}` });
  }

  console(): string {
    const file = consoleFile(this.#context.dir, this.name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  consoleEnd(lines = 12): string {
    return this.console().trimEnd().split("\n").slice(-lines).join("\n");
  }

  /** For a scenario that provokes a complaint: lines that match are none. */
  expectComplaint(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  /** What the kernel complained about since the VM was first started. */
  complaints(): Complaint[] {
    return findComplaints(this.console().split("\n")).filter(
      (complaint) => !this.#expected.some((pattern) => pattern.test(complaint.line)),
    );
  }

  /** Throws when the kernel complained. */
  checkKernel(): void {
    const first = this.complaints()[0];
    if (first === undefined) return;
    throw new LabError(
      "kernel-complaint",
      `The kernel of ${this.name} complained:\n${first.context}\n`,
      "A scenario that expects this says so with vm.expectComplaint().",
    );
  }
}
