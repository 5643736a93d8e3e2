// SPDX-License-Identifier: Apache-2.0
/** Starts the page. */
import { render } from "preact";
import { Connection } from "./core/connection.ts";
import { accept, connection } from "./core/store.ts";
import { App } from "./ui/app.tsx";

const root = document.getElementById("app");
if (root) {
  render(<App />, root);
  new Connection("/api/v1/events", {
    onStatus: (status) => {
      accept(status, Date.now());
      document.title = status.hostname;
    },
    onState: (state) => {
      connection.value = state;
    },
  }).start();
}
