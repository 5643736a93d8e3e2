// SPDX-License-Identifier: Apache-2.0
/** What this browser keeps between visits. Where it may keep nothing, all works but is forgotten. */

const PREFIX = "scsigate-";

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // Then it is asked or said again at the next visit.
  }
}
