// SPDX-License-Identifier: Apache-2.0
/**
 * LEDs and the button on the gateway itself, and the reset line of an adapter on USB. A line that cannot be had is told in
 * health and tried again; everything else goes on without it.
 */
import type { Problem } from "../../api/status.ts";
import type { Config } from "../../config/types.ts";
import { ScsigateError, toProblem } from "../../shared/errors.ts";
import { canonical } from "../../shared/json.ts";
import type { LineName, Part } from "../environment.ts";
import type { GatewayState } from "../gatewayState.ts";
import type { Monitor } from "../monitor.ts";
import type { Line } from "./line.ts";

type PanelConfig = Config["panel"];
type Name = keyof PanelConfig;
type Lamp = "powerLed" | "activityLed" | "faultLed";

const NAMES: readonly Name[] = ["powerLed", "activityLed", "faultLed", "button", "adapterReset"];
const LAMPS: readonly Lamp[] = ["powerLed", "activityLed", "faultLed"];

/** How often LEDs are set and the button is looked at, milliseconds: it bounces for less. */
const TICK_MS = 50;
/** From when on a press is no short one, and the LEDs count down, milliseconds. */
const LONG_MS = 2000;
/** From when on it is a factory reset, milliseconds. */
export const RESET_MS = 10_000;
/** How long the LEDs answer a short press, milliseconds. */
const ANSWER_MS = 3000;
/** How long console and page tell of it, milliseconds. */
const TOLD_MS = 60_000;
/** Lines that could not be had are tried again so often, milliseconds. */
const RETRY_MS = 10_000;
/** How long an adapter's reset line is pulled, milliseconds. */
const PULL_MS = 100;

export interface PanelParts {
  environment: Part<"clock" | "openLine" | "log", never, "giveLines">;
  state: GatewayState;
  monitor: Monitor;
  factoryReset: () => Promise<void>;
}

export class Panel {
  readonly #parts: PanelParts;
  #config: PanelConfig = {};
  #lines = new Map<Name, Line>();
  #problems: Problem[] = [];
  #triedAt = Number.NEGATIVE_INFINITY;
  /** One opening after the other. */
  #opening: Promise<void> = Promise.resolve();
  /** Ends what goes on while there are lines. */
  #stop: (() => void) | undefined;
  #unsubscribe: (() => void)[] = [];
  /** Since when the button is held, monotonic milliseconds; undefined: it is not. */
  #heldSince: number | undefined;
  /** Whether it was seen up: one that is stuck when we start does nothing. */
  #wasUp = false;
  /** Until when the LEDs answer a short press. */
  #answersUntil = 0;
  #resetting = false;
  #shown = new Map<Lamp, boolean>();

  constructor(parts: PanelParts) {
    this.#parts = parts;
    parts.state.checks.push(() => this.#problems);
  }

  start(): void {
    const { events } = this.#parts.state;
    // Lines that could not be had are tried again now and then.
    this.#unsubscribe = [events.on("config", () => this.#follow()), events.on("status", () => this.#again())];
    this.#follow();
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#opening;
    this.#close();
  }

  /**
   * Pulls the adapter's reset line.
   * @throws ScsigateError gpio-unusable where there is none
   */
  async resetAdapter(): Promise<void> {
    const line = this.#lines.get("adapterReset");
    if (line === undefined) {
      const nextStep =
        "Name the line in panel.adapterReset, and look at health; or unplug the adapter and plug it in again.";
      throw new ScsigateError("gpio-unusable", "no line resets the adapter", nextStep);
    }
    const { clock, log } = this.#parts.environment;
    log.warn("the adapter is reset");
    line.write(true);
    await new Promise<void>((resolve) => clock.after(PULL_MS, resolve));
    line.write(false);
  }

  /** At start, and when the configuration is another one. */
  #follow(): void {
    const { panel } = this.#parts.state.config.config;
    if (canonical(panel) === canonical(this.#config)) return;
    this.#config = panel;
    this.#take(panel);
  }

  #again(): void {
    const waited = this.#parts.environment.clock.monotonic() - this.#triedAt;
    if (this.#problems.length > 0 && waited >= RETRY_MS) this.#take(this.#config);
  }

  #take(panel: PanelConfig): void {
    this.#triedAt = this.#parts.environment.clock.monotonic();
    this.#opening = this.#opening
      .then(() => this.#open(panel))
      .catch((error: unknown) => {
        this.#problems = [toProblem(error)];
      });
  }

  async #open(panel: PanelConfig): Promise<void> {
    const { executor, openLine, clock } = this.#parts.environment;
    this.#close();
    const wanted = NAMES.flatMap((name) => {
      const line = panel[name];
      return line === undefined ? [] : [{ name, ...line }];
    });
    const asked = wanted.map(({ chip, offset }): LineName => ({ chip, offset }));
    const given = await executor.giveLines(asked);
    const problems: Problem[] = [];
    for (const [index, { name, activeLow }] of wanted.entries()) {
      const one = given[index];
      if (one === undefined) continue;
      if ("problem" in one) {
        problems.push({ ...one.problem, message: `panel.${name}: ${one.problem.message}` });
        continue;
      }
      await openLine(one.number, name === "button" ? "in" : "out", activeLow).then(
        (line) => this.#lines.set(name, line),
        (error: unknown) => {
          const message = `panel.${name}: the line cannot be used: ${String(error)}`;
          problems.push({ code: "gpio-unusable", message, nextStep: "Choose another line, or take it out of panel." });
        },
      );
    }
    this.#problems = problems;
    if (this.#lines.size === 0) return;
    const stops = [clock.every(TICK_MS, () => this.#look()), this.#parts.monitor.watch()];
    this.#stop = () => {
      for (const stop of stops) stop();
    };
  }

  #close(): void {
    this.#stop?.();
    this.#stop = undefined;
    for (const [name, line] of this.#lines) {
      try {
        if (LAMPS.some((lamp) => lamp === name)) line.write(false);
      } catch {
        // its chip is gone
      }
      line.close();
    }
    this.#lines = new Map();
    this.#shown = new Map();
    this.#heldSince = undefined;
    this.#wasUp = false;
  }

  #look(): void {
    const at = this.#parts.environment.clock.monotonic();
    const button = this.#lines.get("button");
    try {
      if (button !== undefined) this.#press(button.read(), at);
      const lit = this.#lit(at);
      for (const lamp of LAMPS) this.#show(lamp, lit[lamp]);
    } catch (error) {
      // The chip is gone, with an adapter on USB, say: all lines are asked for again.
      const message = `the panel's lines have gone: ${String(error)}`;
      this.#problems = [{ code: "gpio-unusable", message, nextStep: "They are tried again every ten seconds." }];
      this.#close();
    }
  }

  #show(lamp: Lamp, on: boolean): void {
    if (this.#shown.get(lamp) === on) return;
    this.#lines.get(lamp)?.write(on);
    this.#shown.set(lamp, on);
  }

  #press(down: boolean, at: number): void {
    const { log } = this.#parts.environment;
    if (!down) {
      const held = this.#heldSince === undefined ? 0 : at - this.#heldSince;
      this.#heldSince = undefined;
      if (this.#wasUp && held > 0 && held < LONG_MS) {
        this.#answersUntil = at + ANSWER_MS;
        this.#parts.state.pressedUntil = this.#parts.environment.clock.now() + TOLD_MS;
        log.info("the gateway's button was pressed");
      }
      this.#wasUp = true;
      return;
    }
    if (!this.#wasUp) return;
    this.#heldSince ??= at;
    if (at - this.#heldSince < RESET_MS || this.#resetting) return;
    this.#resetting = true;
    log.warn("the gateway's button was held for ten seconds: factory reset");
    this.#parts
      .factoryReset()
      .catch((error: unknown) => log.error({ problem: toProblem(error) }, "factory reset"))
      .finally(() => {
        this.#resetting = false;
        this.#wasUp = false; // not again before it was let go
        this.#heldSince = undefined;
      });
  }

  /** What each LED shows now. */
  #lit(at: number): Record<Lamp, boolean> {
    const all = (on: boolean) => ({ powerLed: on, activityLed: on, faultLed: on });
    const blink = (halfPeriod: number) => Math.floor(at / halfPeriod) % 2 === 0;
    if (this.#resetting) return all(true);
    const held = this.#heldSince === undefined ? 0 : at - this.#heldSince;
    // Slowly at first, four times as fast when it comes.
    if (held >= LONG_MS) return all(blink(held < RESET_MS / 2 ? 400 : held < (RESET_MS * 4) / 5 ? 200 : 100));
    if (at < this.#answersUntil) return all(blink(100));
    const { status } = this.#parts.monitor;
    const busy = status.segments.some(({ rates }) => rates.rx_packets + rates.tx_packets > 0);
    return {
      powerLed: status.health.status === "starting" ? blink(500) : true,
      activityLed: busy && blink(TICK_MS),
      faultLed: status.health.status === "degraded",
    };
  }
}
