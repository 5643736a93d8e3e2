// SPDX-License-Identifier: Apache-2.0
/** What may be asked of the gateway over MQTT: nothing, unless it is switched on and the command is listed. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { MqttCommand, MqttConfig } from "../../config/types.ts";
import type { CommandEvent } from "./events.ts";

/** Commands a minute; a loop somewhere on the broker is no reason to restart for ever. */
const PER_MINUTE = 10;
const MINUTE_MS = 60_000;

/** When commands came: in a file, as one of them starts us anew. */
export class CommandTimes {
  readonly #file: string;
  readonly #uptime: () => number;

  /**
   * @param file in /run, which lives as long as the machine runs
   * @param uptime of the machine, seconds
   */
  constructor(file: string, uptime: () => number) {
    this.#file = file;
    this.#uptime = uptime;
  }

  /** Notes one. @returns false, and notes nothing, when there were too many */
  note(): boolean {
    const now = this.#uptime() * 1000;
    const recent = this.#read().filter((time) => time > now - MINUTE_MS && time <= now);
    if (recent.length >= PER_MINUTE) return false;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(this.#file, JSON.stringify([...recent, now]));
    } catch {
      return false; // what cannot be counted is not done: it might be for ever
    }
    return true;
  }

  #read(): number[] {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      return Array.isArray(value) ? value.filter((time) => typeof time === "number") : [];
    } catch {
      return [];
    }
  }
}

export class Commands {
  readonly #config: MqttConfig["commands"];
  readonly #times: Pick<CommandTimes, "note">;
  readonly #actions: Record<MqttCommand, () => void>;

  constructor(
    config: MqttConfig["commands"],
    times: Pick<CommandTimes, "note">,
    actions: Record<MqttCommand, () => void>,
  ) {
    this.#config = config;
    this.#times = times;
    this.#actions = actions;
  }

  /**
   * @param name what follows the command topic
   * @param retained a retained message is an old one, that would come again after each connect
   * @returns what is told of it; undefined for too many at once: telling of each would be a storm as well
   */
  handle(name: string, payload: string, retained: boolean): CommandEvent | undefined {
    if (!this.#times.note()) return undefined;
    const command = this.#config.allow.find((allowed) => allowed === name);
    const refusal = this.#refusal(command, payload, retained);
    if (command === undefined || refusal !== "") {
      return { type: "command", command: name.slice(0, 64), accepted: false, message: refusal };
    }
    this.#actions[command]();
    return { type: "command", command, accepted: true, message: "" };
  }

  #refusal(command: MqttCommand | undefined, payload: string, retained: boolean): string {
    if (!this.#config.enabled) return "commands are switched off: mqtt.commands.enabled";
    if (command === undefined) return "not in mqtt.commands.allow";
    if (retained) return "publish it without the retain flag";
    if (payload !== "" && payload !== "PRESS") return "the payload of a command is empty, or PRESS";
    return "";
  }
}
