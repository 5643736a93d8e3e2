// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps what Home Assistant was told up to date. A file remembers what was published where, so that what is switched off,
 * moved to another prefix, or no longer there is removed at the broker, even after a restart.
 */
import { rm } from "node:fs/promises";
import type { Status } from "../../api/status.ts";
import type { MqttConfig } from "../../config/types.ts";
import { readJson, writeDurably } from "../../shared/durable.ts";
import type { Publication } from "./broker.ts";
import { type DiscoveryPayload, discoveryPayload, discoveryTopic } from "./homeAssistant.ts";

/** What the broker has of us. */
interface Announced {
  url: string;
  topic: string;
  /** Platform of each component. */
  components: Record<string, string>;
}

export class Discovery {
  readonly #config: MqttConfig;
  readonly #path: string;
  readonly #publish: (message: Publication) => Promise<boolean>;
  #announced: Announced | undefined;
  #text = "";
  #work: Promise<void> | undefined;
  /** What is to be told next. */
  #latest: Status | undefined;

  /**
   * @param path file that remembers
   * @param publish QoS 1 and retained
   */
  constructor(config: MqttConfig, path: string, publish: (message: Publication) => Promise<boolean>) {
    this.#config = config;
    this.#path = path;
    this.#publish = publish;
  }

  async open(): Promise<void> {
    this.#announced = parse(await readJson(this.#path));
  }

  /** Whether this broker has something that is to go. */
  get leftover(): boolean {
    return this.#announced?.url === this.#config.url;
  }

  /** Whether it was told on this connection. */
  get said(): boolean {
    return this.#text !== "";
  }

  /** The connection is new, or Home Assistant started: say it again. */
  async renew(status: Status): Promise<void> {
    this.#text = "";
    await this.update(status);
  }

  /** Publishes what differs from what was said last. While a broker takes its time, only the newest status waits. */
  update(status: Status): Promise<void> {
    this.#latest = status;
    this.#work ??= this.#tellAll().finally(() => {
      this.#work = undefined;
    });
    return this.#work;
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #tellAll(): Promise<void> {
    while (this.#latest !== undefined) {
      const status = this.#latest;
      this.#latest = undefined;
      await this.#update(status);
    }
  }

  /** Removes the device. @returns whether the broker has done it */
  async remove(): Promise<boolean> {
    const announced = this.#announced;
    if (announced === undefined) return true;
    if (!(await this.#publish(retained(announced.topic, "")))) return false;
    this.#announced = undefined;
    this.#text = "";
    await rm(this.#path, { force: true }).catch(() => {});
    return true;
  }

  async #update(status: Status): Promise<void> {
    const { homeAssistant, commands, url, enabled } = this.#config;
    if (!enabled || !homeAssistant.enabled) {
      if (this.leftover) await this.remove();
      return;
    }
    const topic = discoveryTopic(homeAssistant.prefix, status.id);
    const before = this.leftover ? this.#announced : undefined;
    if (before !== undefined && before.topic !== topic && !(await this.remove())) return;
    const payload = discoveryPayload(status, commands.enabled ? commands.allow : []);
    const text = JSON.stringify(payload);
    if (text === this.#text) return;
    if (!(await this.#dismiss(topic, payload))) return;
    const components = Object.fromEntries(
      Object.entries(payload.components).map(([key, component]) => [key, String(component["platform"])]),
    );
    // Before it is said: what a power cut leaves at the broker is known afterwards.
    await this.#remember({ url, topic, components });
    if (await this.#publish(retained(topic, text))) this.#text = text;
  }

  /** A component goes when it is announced with nothing but its platform; leaving it out keeps it. */
  async #dismiss(topic: string, payload: DiscoveryPayload): Promise<boolean> {
    if (!this.leftover || this.#announced?.topic !== topic) return true;
    const gone = Object.entries(this.#announced.components).filter(([key]) => !(key in payload.components));
    if (gone.length === 0) return true;
    const empty = Object.fromEntries(gone.map(([key, platform]) => [key, { platform }]));
    const components = { ...payload.components, ...empty };
    return this.#publish(retained(topic, JSON.stringify({ ...payload, components })));
  }

  async #remember(announced: Announced): Promise<void> {
    if (JSON.stringify(announced) === JSON.stringify(this.#announced)) return;
    this.#announced = announced;
    // Without the file (disk full, read only) it is removed by what is in memory, for as long as we run.
    await writeDurably(this.#path, `${JSON.stringify(announced)}\n`).catch(() => {});
  }
}

function retained(topic: string, payload: string): Publication {
  return { topic, payload, qos: 1, retain: true };
}

function parse(value: unknown): Announced | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { url, topic, components } = value as Partial<Announced>;
  if (typeof url !== "string" || typeof topic !== "string" || typeof components !== "object") return undefined;
  return { url, topic, components: components ?? {} };
}
