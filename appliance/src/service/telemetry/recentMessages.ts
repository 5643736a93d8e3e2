// SPDX-License-Identifier: Apache-2.0
/** The last messages that went to the broker, for people who look at what is sent. */
import type { SentMessage } from "../../api/telemetry.ts";
import type { Publication } from "./broker.ts";

/** Two rounds of a full segment's telemetry would be 130; the newest are what is looked at. */
const MAX_MESSAGES = 50;
/** Of a payload, characters: a discovery message has 20,000, and shows what it is at its beginning. */
const MAX_TEXT = 2000;

export class RecentMessages {
  #messages: SentMessage[] = [];

  /** @param time milliseconds since 1970 */
  add({ topic, payload, qos, retain }: Publication, time: number): void {
    const text = payload.slice(0, MAX_TEXT);
    const bytes = Buffer.byteLength(payload);
    this.#messages = [...this.#messages.slice(1 - MAX_MESSAGES), { time, topic, payload: text, bytes, qos, retain }];
  }

  /** Newest first. */
  get messages(): SentMessage[] {
    return [...this.#messages].reverse();
  }
}
