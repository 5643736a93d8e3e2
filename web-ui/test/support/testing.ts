// SPDX-License-Identifier: Apache-2.0
/** What a browser test needs that has the service elsewhere: the lab's, with the gateway in a VM. */
export { strings } from "../../src/strings/en.ts";
export { violations } from "./axe.ts";
export { button, logIn, openPage, PASSWORD } from "./session.ts";
export { becomes, eventually, shows, text } from "./wait.ts";
