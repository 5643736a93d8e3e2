// SPDX-License-Identifier: Apache-2.0
/** How the service's modules hear of what happens in the others. One module tells each event, named with it. */
import { EventEmitter } from "node:events";
import type { Transaction } from "../api/config.ts";
import type { Status } from "../api/status.ts";
import type { LinkEvent } from "./linkEvents.ts";

export interface ServiceEvents {
  /** bringUp.ts: the gateway knows who it is */
  identity: [];
  /** configuration.ts: the machine follows another configuration now, the one in the state */
  config: [];
  /** configuration.ts: how a change gets on */
  transaction: [Transaction];
  /** monitor.ts: a sample */
  status: [Status];
  /** monitor.ts: stations that come and go, resets */
  link: [LinkEvent];
  /** update/updates.ts: what runs or waits has changed */
  update: [];
}

export class EventBus {
  readonly #emitter = new EventEmitter();

  constructor() {
    this.#emitter.setMaxListeners(0); // modules are many, and each ends what it began
  }

  /** @returns a function that ends it */
  on<Name extends keyof ServiceEvents>(name: Name, listener: (...values: ServiceEvents[Name]) => void): () => void {
    this.#emitter.on(name, listener);
    return () => void this.#emitter.off(name, listener);
  }

  /** Listeners are called before it returns, in the order in which they came. */
  tell<Name extends keyof ServiceEvents>(name: Name, ...values: ServiceEvents[Name]): void {
    this.#emitter.emit(name, ...values);
  }
}
