// SPDX-License-Identifier: Apache-2.0
/** The one live connection of the page: fills the store. */
import type { SessionView } from "@scsigate/appliance/api/access";
import { call } from "./api.ts";
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
    connection.value = state;
  },
});
