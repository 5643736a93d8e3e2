// SPDX-License-Identifier: Apache-2.0
// A mosquitto on the host's loopback, with a configuration of its own, for as long as the bench runs.
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { LabError } from "../errors.ts";
import { waitFor } from "../time.ts";
import { disownPid, ownPid } from "./cleanup.ts";

export interface MqttMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retained: boolean;
}

/** One line of `mosquitto_sub -F '%r %t %p'`. */
export function parseMessage(line: string): MqttMessage | undefined {
  const match = /^([01]) (\S+) ?(.*)$/s.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { retained: match[1] === "1", topic: match[2], payload: match[3] ?? "" };
}

/** A running mosquitto_sub and what it has received. */
export class Subscription {
  readonly messages: MqttMessage[] = [];
  readonly #child: ChildProcess;

  constructor(port: number, topic: string) {
    const args = ["-h", "127.0.0.1", "-p", String(port), "-t", topic, "-q", "1", "-F", "%r %t %p"];
    this.#child = spawn("mosquitto_sub", args, { stdio: ["ignore", "pipe", "ignore"] });
    if (this.#child.pid !== undefined) ownPid(this.#child.pid);
    let rest = "";
    this.#child.stdout?.on("data", (data: Buffer) => {
      const lines = (rest + data.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const message = parseMessage(line);
        if (message !== undefined) this.messages.push(message);
      }
    });
  }

  /** The newest message whose topic matches. */
  last(topic: RegExp): MqttMessage | undefined {
    return this.messages.findLast((message) => topic.test(message.topic));
  }

  stop(): void {
    if (this.#child.pid !== undefined) disownPid(this.#child.pid);
    this.#child.kill("SIGTERM");
  }
}

export class Broker {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #subscriptions: Subscription[] = [];

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(dir: string, port: number): Promise<Broker> {
    const config = join(dir, "mosquitto.conf");
    // "user root" keeps it from changing to a user who cannot read this folder; without root it has no effect.
    writeFileSync(
      config,
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\nlog_dest stderr\n`,
    );
    const child = spawn("setpriv", ["--pdeathsig", "SIGKILL", "mosquitto", "-c", config], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    if (child.pid !== undefined) ownPid(child.pid);
    let said = "";
    child.stderr?.on("data", (data: Buffer) => {
      said = (said + data.toString()).slice(-4000);
    });
    child.on("error", () => undefined);
    await waitFor(
      "mosquitto to listen",
      () => {
        if (child.exitCode !== null) {
          throw new LabError(
            "vm-exited",
            `mosquitto ended: ${said.trim()}`,
            `Is port ${port} taken? Is mosquitto installed?`,
          );
        }
        return new Promise<boolean>((resolve) => {
          const socket = connect(port, "127.0.0.1");
          socket.once("connect", () => resolve(true));
          socket.once("error", () => resolve(false));
          socket.once("connect", () => socket.destroy());
        });
      },
      { timeout: 10_000, interval: 50 },
    );
    return new Broker(port, child);
  }

  subscribe(topic: string): Subscription {
    const subscription = new Subscription(this.port, topic);
    this.#subscriptions.push(subscription);
    return subscription;
  }

  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.stop();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill("SIGKILL");
    await ended;
    if (this.#child.pid !== undefined) disownPid(this.#child.pid);
  }
}
