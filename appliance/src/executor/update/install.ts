// SPDX-License-Identifier: Apache-2.0
/**
 * Has RAUC write a bundle to the slot that does not run. RAUC works as a service on D-Bus; both run only meanwhile, on a
 * bus of their own: together they have 20 MiB, and nobody else has to find them.
 *
 * RAUC marks the slot as not to be started before it writes the first byte, and makes it the first choice after the
 * last one: wherever the power is cut, a whole image is started.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { InstallProgress, SlotName } from "../../protocol/messages.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { ExecutorContext } from "../context.ts";
import { exists } from "../files.ts";
import { bundleFile, dropBundle, explain } from "./bundle.ts";
import { currentSlot, noImage, otherSlot, rememberVersion } from "./slots.ts";

/** How long bus and service may take to start, milliseconds: slow machines read them from a card. */
const START_TIMEOUT_MS = 60_000;
const START_POLL_MS = 250;
/** As long as an installation may take, milliseconds: some 300 MiB on the slowest card, three times over. */
const INSTALL_TIMEOUT_MS = 1_800_000;
const BUS_CONFIG = "/etc/rauc/dbus.conf";
/** "rauc install" says so of each step. */
const PROGRESS = /^ *([0-9]{1,3})% (.+)$/;

/** @returns the slot that was written @throws ScsigateError update-... in the user's words */
export async function installBundle(
  version: string,
  onProgress: (progress: Omit<InstallProgress, "type" | "id">) => void,
  context: ExecutorContext,
): Promise<SlotName> {
  const slot = await currentSlot(context);
  if (slot === undefined) throw noImage();
  const target = otherSlot(slot);
  const file = bundleFile(context);
  if (!(await exists(file))) {
    throw new ScsigateError("update-not-ready", "there is no bundle to install", "Send one first.");
  }
  await rememberVersion(target, undefined, context);
  // Modules of Debian's kernels, built in elsewhere: what a bundle is mounted with.
  await context.run("modprobe", ["-q", "-a", "loop", "dm_verity", "squashfs"]).catch(() => {});
  const rauc = new RaucService(slot, context);
  try {
    await rauc.start();
    await install(rauc.address, file, onProgress, context);
  } finally {
    await rauc.stop();
    await dropBundle(context);
  }
  await rememberVersion(target, version, context);
  context.log.info({ slot: target, version }, "update installed");
  return target;
}

function install(
  address: string,
  file: string,
  onProgress: (progress: Omit<InstallProgress, "type" | "id">) => void,
  { stream, clock }: ExecutorContext,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let rest = "";
    let lastError = "";
    const take = (line: string) => {
      const [, percent, step] = PROGRESS.exec(line) ?? [];
      if (step !== undefined) onProgress({ percent: Math.min(100, Number(percent)), step: step.slice(0, 200) });
      if (line.startsWith("LastError: ")) lastError = line.slice("LastError: ".length);
    };
    const stop = stream("env", [address, "rauc", "install", file], {
      onData(data) {
        const lines = (rest + data.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) take(line);
      },
      onEnd(code, words) {
        cancel();
        if (code === 0) resolve();
        else reject(explain(lastError || words || "rauc was stopped", true));
      },
    });
    const cancel = clock.after(INSTALL_TIMEOUT_MS, stop);
  });
}

/** D-Bus and "rauc service", for as long as they are needed. */
class RaucService {
  readonly #slot: SlotName;
  readonly #context: ExecutorContext;
  readonly #folder: string;
  readonly #stops: (() => void)[] = [];
  /** What a program said that ended. */
  #words = "";
  #ended = false;

  constructor(slot: SlotName, context: ExecutorContext) {
    this.#slot = slot;
    this.#context = context;
    this.#folder = join(context.paths.run, "scsigate/update");
  }

  /** For a program's environment. */
  get address(): string {
    return `DBUS_SYSTEM_BUS_ADDRESS=unix:path=${join(this.#folder, "bus")}`;
  }

  async start(): Promise<void> {
    const { processes, run, clock } = this.#context;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // Of an executor that was killed meanwhile; "rauc service" ends with its bus.
    const pidFile = join(this.#folder, "dbus.pid");
    const left = await processes.find(pidFile, `--config-file=${BUS_CONFIG}`);
    if (left !== undefined) await processes.stop(left);
    for (const name of ["bus", "dbus.pid"]) await rm(join(this.#folder, name), { force: true });
    this.#spawn("dbus-daemon", [`--config-file=${BUS_CONFIG}`, "--nofork"]);
    const end = clock.monotonic() + START_TIMEOUT_MS;
    while (!(await exists(join(this.#folder, "bus")))) await this.#pause(end);
    this.#spawn("env", [this.address, "rauc", "service", `--override-boot-slot=${this.#slot}`]);
    // It answers when it has its name.
    const status = ["rauc", "status", "--output-format=json"];
    while (!(await run("env", [this.address, ...status]).then(isReady, () => false))) await this.#pause(end);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #spawn(file: string, args: readonly string[]): void {
    const stop = this.#context.stream(file, args, {
      onData: () => {},
      onEnd: (code, words) => {
        this.#ended = true;
        this.#words = words.split("\n").at(-1) || `${file} ended with ${code}`;
      },
    });
    this.#stops.push(stop);
  }

  async #pause(end: number): Promise<void> {
    const { clock } = this.#context;
    if (this.#ended || clock.monotonic() > end) {
      throw new ScsigateError(
        "update-failed",
        `the update service did not start: ${this.#words || "it does not answer"}`,
        "Restart the gateway and try again; if it stays, report it with a support bundle.",
      );
    }
    await new Promise<void>((resolve) => clock.after(START_POLL_MS, resolve));
  }
}

function isReady(status: string): boolean {
  return status.includes('"slots"');
}
