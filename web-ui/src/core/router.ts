// SPDX-License-Identifier: Apache-2.0
/** Which page is shown: the part after "#/" of the address, so that the server needs to know one page only. */
import { batch, signal } from "@preact/signals";

export const PAGES = [
  "overview",
  "setup",
  "stations",
  "station",
  "segment",
  "network",
  "diagnosis",
  "telemetry",
  "settings/general",
  "settings/mode",
  "settings/lan",
  "settings/segments",
  "settings/firewall",
  "settings/access",
  "system/logs",
  "system/backup",
  "system/access",
  "system/certificate",
  "system/update",
  "system/maintenance",
  "system/reset",
] as const;
export type PageName = (typeof PAGES)[number];
/** Pages that come together under one entry of the navigation, in the order of their menu. */
export const SECTIONS = {
  settings: PAGES.filter((name) => name.startsWith("settings/")),
  system: PAGES.filter((name) => name.startsWith("system/")),
} as const satisfies Record<string, readonly PageName[]>;

/** Pages whose address goes on with what they show. */
const WITH_ARGUMENTS: readonly PageName[] = ["station", "segment"];

export const page = signal<PageName>(read());
/** What follows the page's name in the address: which station, which segment. */
export const pageArguments = signal<readonly string[]>(readArguments());

export function href(name: PageName): string {
  return `#/${name}`;
}

export function stationHref(segment: string, address: string): string {
  return `${href("station")}/${encodeURIComponent(segment)}/${encodeURIComponent(address)}`;
}

export function segmentHref(segment: string): string {
  return `${href("segment")}/${encodeURIComponent(segment)}`;
}

export function go(name: PageName): void {
  location.hash = href(name);
}

/** Follows the address from now on. */
export function startRouter(): void {
  addEventListener("hashchange", () => {
    batch(() => {
      page.value = read();
      pageArguments.value = readArguments();
    });
  });
}

function read(): PageName {
  const name = location.hash.replace(/^#\//, "");
  const first = name.split("/")[0];
  return PAGES.find((known) => known === name) ?? WITH_ARGUMENTS.find((known) => known === first) ?? "overview";
}

function readArguments(): string[] {
  const [, first = "", ...rest] = location.hash.split("/");
  if (!WITH_ARGUMENTS.some((known) => known === first)) return [];
  return rest.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}
