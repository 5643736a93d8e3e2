// SPDX-License-Identifier: Apache-2.0
/** What may be asked of the gateway over MQTT: nothing, unless it is switched on and the command is listed. */
import type { MqttCommand, MqttConfig } from "../../config/types.ts";
import type { Clock } from "../../shared/clock.ts";
import type { CommandEvent } from "./events.ts";

/** Commands a minute; a loop somewhere on the broker is no reason to restart for ever. */
const PER_MINUTE = 10;
const MINUTE_MS = 60_000;

export class Commands {
  readonly #config: MqttConfig["commands"];
  readonly #clock: Clock;
  readonly #actions: Record<MqttCommand, () => void>;
  #times: number[] = [];

  constructor(config: MqttConfig["commands"], clock: Clock, actions: Record<MqttCommand, () => void>) {
    this.#config = config;
    this.#clock = clock;
    this.#actions = actions;
  }

  /**
   * @param name what follows the command topic
   * @param retained a retained message is an old one, that would come again after each connect
   * @returns what is told of it; undefined for too many at once: telling of each would be a storm as well
   */
  handle(name: string, payload: string, retained: boolean): CommandEvent | undefined {
    const now = this.#clock.monotonic();
    this.#times = this.#times.filter((time) => time > now - MINUTE_MS);
    if (this.#times.length >= PER_MINUTE) return undefined;
    this.#times.push(now);
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
