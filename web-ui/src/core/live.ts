// SPDX-License-Identifier: Apache-2.0
/** The one live connection of the page: fills the store. */
import type { SessionView } from "@scsigate/appliance/api/access";
import { call } from "./api.ts";
import { checkNow } from "./configuration.ts";
import { Connection } from "./connection.ts";
import { accept, connection, session } from "./store.ts";
import { acceptTransaction, loadTransaction } from "./transaction.ts";

export const live = new Connection("/api/v1/events", {
  async prepare() {
    session.value = (await call<SessionView>("GET", "/api/v1/session")).value;
    if (session.value.scope === null) return false;
    await loadTransaction();
    return true;
  },
  onStatus: (status) => accept(status, Date.now()),
  onTransaction: acceptTransaction,
  onState: (state) => {
    // What was edited meanwhile could not be checked.
    if (state === "live" && connection.value !== "live") void checkNow();
    connection.value = state;
  },
});

/**
 * Connects while the page can be seen: a browser opens six connections to one gateway, for all its pages together, and an
 * event stream holds one. Who comes back may be logged in meanwhile, by another page.
 */
export function startLive(): void {
  const follow = () => {
    if (document.hidden) {
      live.stop();
      connection.value = "connecting";
    } else live.restart();
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}
