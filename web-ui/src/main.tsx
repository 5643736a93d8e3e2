// SPDX-License-Identifier: Apache-2.0
/** Starts the page. */
import { render } from "preact";
import { startLive } from "./core/live.ts";
import { startRouter } from "./core/router.ts";
import { language } from "./strings.ts";
import { App } from "./ui/app.tsx";

document.documentElement.lang = language;
const root = document.getElementById("app");
if (root) {
  startRouter();
  render(<App />, root);
  startLive();
}
