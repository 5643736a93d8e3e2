// SPDX-License-Identifier: Apache-2.0
/** Every word that the page shows, in the language of the browser or the one that was chosen; only that one is loaded. */
import { remember, remembered } from "./core/remembered.ts";
import type { Catalogue } from "./strings/en.ts";

/** Each in its own words. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "language";

export const language = firstKnown([remembered(KEY), ...(typeof document === "undefined" ? [] : navigator.languages)]);

/** Words that are looked up by what the gateway says, which may be something new. */
type Lookup = Readonly<Record<string, string>>;
type Lookups = Record<
  "modes" | "fabrics" | "states" | "paths" | "roles" | "features" | "reasons" | "nextSteps" | "titles" | "userRoles",
  Lookup
> & {
  station: { captureReasons: Lookup };
  setup: { modes: Lookup };
  listed: { titles: Lookup; nextSteps: Lookup };
};

const { strings: words } = await (language === "de" ? import("./strings/de.ts") : import("./strings/en.ts"));
export const strings: Catalogue & Lookups = words;

/** The page starts anew in it, and so it does from now on in this browser. */
export function speak(next: Language): void {
  remember(KEY, next);
  location.reload();
}

/** @param wanted the best first: "de-AT" is German */
export function firstKnown(wanted: readonly (string | null)[]): Language {
  const known = Object.keys(LANGUAGES) as Language[];
  for (const one of wanted) {
    const found = known.find((name) => name === one?.toLowerCase().split("-")[0]);
    if (found !== undefined) return found;
  }
  return "en";
}
