// SPDX-License-Identifier: Apache-2.0
/** What rauc-hawkbit-updater's lines mean for us; its source says what there is (hawkbit-client.c, version 1.2 to 1.4). */

export type Said =
  /** The server has answered. */
  | { kind: "reached" }
  /** It does not take the token. */
  | { kind: "refused" }
  /** It does not answer, or with an error. */
  | { kind: "unreached"; reason: string }
  /** Something else that is to be known. */
  | { kind: "warning"; text: string };

const REACHED =
  /^(No new software|New software ready|Start downloading|Download complete|hawkBit requested to skip|Received cancelation)/;

/** @returns undefined for a line that says nothing new */
export function understand(line: string): Said | undefined {
  const [, level, text = ""] = /^([A-Z]+): (.*)$/.exec(line) ?? [];
  if (level === "MESSAGE") return REACHED.test(text) ? { kind: "reached" } : undefined;
  if (text.startsWith("Failed to authenticate")) return { kind: "refused" };
  const [, reason = "", code] = /^Scheduled check for new software failed: (.*?)(?: \(([0-9]+)\))?$/.exec(text) ?? [];
  // 403 is what hawkBit itself says; 401 has words of its own.
  if (code === "403") return { kind: "refused" };
  if (reason !== "") return { kind: "unreached", reason };
  const said = text || line;
  return said.trim() === "" ? undefined : { kind: "warning", text: said.slice(0, 500) };
}
