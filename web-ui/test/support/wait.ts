// SPDX-License-Identifier: Apache-2.0
/** Waits for what a page will show. */
import type { Page } from "playwright-core";

/** The text that an element shows. */
export function text(page: Page, id: string): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is shown, as it is shown
  return page.getByTestId(id).innerText({ timeout: 10_000 });
}

/** @throws Error after the time-out, milliseconds */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs = 15_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`timed out: ${what}`);
}
