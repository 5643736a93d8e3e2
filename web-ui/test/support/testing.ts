// SPDX-License-Identifier: Apache-2.0
/** What a browser test needs that has the service elsewhere: the lab's, with the gateway in a VM. */
export { strings } from "../../src/strings.ts";
export { violations } from "./axe.ts";
export { openBrowser, type TestBrowser } from "./browser.ts";
export { button, logIn, PASSWORD, watch } from "./session.ts";
export { eventually, text } from "./wait.ts";
