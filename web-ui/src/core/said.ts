// SPDX-License-Identifier: Apache-2.0
/** What the gateway says, in the page's language. It says it in English, which stays until the other words are loaded. */
import { signal } from "@preact/signals";
import { language } from "../strings.ts";
import { sentence } from "./format.ts";

const words = signal<((text: string) => string) | undefined>(undefined);
let loading = false;

/** For what is rendered: it is rendered anew once the words are there. */
export function said(text: string): string {
  if (language !== "de") return text;
  if (!loading) {
    loading = true;
    import("../said/german.ts").then(
      ({ say }) => {
        words.value = say;
      },
      () => {
        loading = false; // the next text tries again
      },
    );
  }
  return words.value?.(text) ?? text;
}

/** What is wrong, and what to do, as two sentences. */
export function told({ message, nextStep }: { message: string; nextStep: string }): string {
  return `${sentence(said(message))} ${said(nextStep)}`;
}
