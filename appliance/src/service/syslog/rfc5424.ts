// SPDX-License-Identifier: Apache-2.0
/** A line of our log as a syslog message: RFC 5424, and the framing of RFC 6587 for TCP. */

/** Facility "daemon", RFC 5424 section 6.2.1. */
const FACILITY = 3;
/** By pino's levels. */
const SEVERITIES: Record<string, number> = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 };
/** What every receiver takes (RFC 5424 section 6.1: should be at least 2048), bytes. */
const MAX_MESSAGE = 2048;
const APP_NAME = "scsigate";

export function severityOf(level: string): number {
  return SEVERITIES[level] ?? 6;
}

/**
 * @param line a JSON line of the log
 * @param hostname the gateway's name
 * @returns undefined when the line is none
 */
export function formatSyslog(line: string, hostname: string): { severity: number; text: string } | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof entry !== "object" || entry === null) return undefined;
  const { level, time, msg, process, module, ...rest } = entry as Record<string, unknown>;
  const severity = severityOf(String(level));
  const header = [
    `<${FACILITY * 8 + severity}>1`,
    typeof time === "string" && /^[0-9TZ:.-]{20,32}$/.test(time) ? time : "-",
    field(hostname, 255),
    APP_NAME,
    field(process, 128),
    field(module, 32),
    "-", // no structured data: what it could say is JSON at the end
  ].join(" ");
  const more = Object.keys(rest).length === 0 ? "" : ` ${JSON.stringify(rest)}`;
  const said = `${typeof msg === "string" ? msg : ""}${more}`.trim();
  return { severity, text: cut(`${header} ${clean(said)}`, MAX_MESSAGE) };
}

/** Octet counting: messages may have line ends, and none is half. */
export function frame(text: string): string {
  return `${Buffer.byteLength(text)} ${text}`;
}

/** A header field: printable ASCII without spaces, or "-". */
function field(value: unknown, longest: number): string {
  const text = typeof value === "string" ? value.replaceAll(/[^!-~]/g, "").slice(0, longest) : "";
  return text === "" ? "-" : text;
}

/** Control characters could look like another message, or drive a terminal. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** At most so many bytes of UTF-8, no half character. */
function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  if (buffer.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && ((buffer[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return buffer.subarray(0, end).toString("utf8");
}
