// SPDX-License-Identifier: Apache-2.0
/** What the gateway says, in German: a file of its own, which only a German page loads, when there is something to say. */
import { german } from "./catalogue.ts";
import { translator } from "./matcher.ts";

export const numbers = new Intl.NumberFormat("de", { maximumFractionDigits: 3 });

export const say = translator(german, numbers.format);
