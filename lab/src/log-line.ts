// SPDX-License-Identifier: Apache-2.0
// The supervisor's log lines, found on the gateway's console.

/** The JSON log line in a console line, if there is one; a prompt may stand before it. */
export function logLine(line: string): string | undefined {
  const from = line.indexOf('{"level"');
  if (from < 0) return undefined;
  const text = line.slice(from).trimEnd();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
