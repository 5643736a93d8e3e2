// SPDX-License-Identifier: Apache-2.0
/** Which parts of the configuration are on which page. */
import type { PageName } from "./router.ts";

/** "": the simple settings of the document's top, but for the mode, which has cards of its own. */
const PARTS: Partial<Record<PageName, readonly string[]>> = {
  "settings/mode": [],
  "settings/lan": ["lan", "storage", "routes", "names"],
  "settings/segments": ["segments", "chap", "mesh", "encryption"],
  "settings/firewall": ["firewall"],
  "settings/access": ["http", "ssh", "mdns", "lldp"],
  telemetry: ["mqtt", "syslog", "snmp"],
  "system/update": ["update"],
};

/** Whether a page shows a part; what the table does not name is on settings/general. */
export function isOn(page: PageName, part: string): boolean {
  const parts = PARTS[page];
  return parts === undefined ? !Object.values(PARTS).flat().includes(part) : parts.includes(part);
}
