// SPDX-License-Identifier: Apache-2.0
/** Waits for what a page will show. */
import { isDeepStrictEqual } from "node:util";
import type { Page } from "playwright-core";

/** The text that an element shows. */
export function text(page: Page, id: string): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is shown, as it is shown
  return page.getByTestId(id).innerText({ timeout: 30_000 });
}

/** @throws Error after the time-out, milliseconds */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs = 30_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`timed out: ${what}`);
}

/**
 * Waits until an element shows all of the parts. A page shows what it learns as it learns it, so what it shows is never
 * asserted at once.
 */
export async function shows(page: Page, id: string, ...parts: readonly string[]): Promise<void> {
  let shown = "";
  const all = async (): Promise<boolean> => {
    shown = await text(page, id).catch(() => ""); // not there yet
    return parts.every((part) => shown.includes(part));
  };
  await eventually(`${id} shows ${parts.join(", ")}`, all).catch((error: Error) => {
    throw new Error(`${error.message}; it shows: ${shown}`);
  });
}

/** Waits until a failure with this code is shown; the code itself is folded away. */
export async function fails(page: Page, code: string, id = "problem"): Promise<void> {
  await eventually(`${id} has the code ${code}`, async () => {
    const all = await page.getByTestId(id).allTextContents();
    return all.some((one) => one.includes(code));
  });
}

/** Waits until what is read is what is expected. */
export async function becomes<T>(what: string, read: () => Promise<T>, expected: T): Promise<void> {
  let last: T | undefined;
  const same = async (): Promise<boolean> => {
    last = await read();
    return isDeepStrictEqual(last, expected);
  };
  await eventually(`${what} is ${JSON.stringify(expected)}`, same).catch((error: Error) => {
    throw new Error(`${error.message}; it is ${JSON.stringify(last)}`);
  });
}
