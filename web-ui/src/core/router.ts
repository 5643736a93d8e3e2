// SPDX-License-Identifier: Apache-2.0
/** Which page is shown: the part after "#/" of the address, so that the server needs to know one page only. */
import { signal } from "@preact/signals";

export const PAGES = [
  "overview",
  "setup",
  "network",
  "system/logs",
  "system/backup",
  "system/access",
  "system/reset",
] as const;
export type PageName = (typeof PAGES)[number];

export const page = signal<PageName>(read());

export function href(name: PageName): string {
  return `#/${name}`;
}

export function go(name: PageName): void {
  location.hash = href(name);
}

/** Follows the address from now on. */
export function startRouter(): void {
  addEventListener("hashchange", () => {
    page.value = read();
  });
}

function read(): PageName {
  const name = location.hash.replace(/^#\//, "");
  return PAGES.find((known) => known === name) ?? "overview";
}
