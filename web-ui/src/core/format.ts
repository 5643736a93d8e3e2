// SPDX-License-Identifier: Apache-2.0
/** Numbers and durations for people. Always English, decimal units as networks count. */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const RATE_UNITS = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
const counts = new Intl.NumberFormat("en");

/** 1234 -> "1.23 kB" */
export function bytes(value: number): string {
  return scaled(value, BYTE_UNITS);
}

/** @param bytesPerSecond 125000 -> "1.00 Mbit/s" */
export function rate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * 8, RATE_UNITS);
}

/** 1234567 -> "1,234,567" */
export function count(value: number): string {
  return counts.format(value);
}

/** Three significant digits, so that the width hardly changes while a value does. */
function scaled(value: number, units: readonly string[]): string {
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return `${size.toFixed(digits)} ${units[unit]}`;
}

/** 93784 -> "1 d 2 h 3 min"; below an hour with seconds. */
export function duration(seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return `${days} d ${hours} h ${minutes} min`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds)} s`;
}

/** Time of day of a moment, by the browser's clock. */
export function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString("en-GB");
}

/** A moment that the gateway wrote in ISO 8601, in the reader's own way and time zone; what is no moment stays. */
export function moment(text: string): string {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toLocaleString();
}

/** What the gateway says, as a sentence: it leaves capital letter and full stop to whoever shows it. */
export function sentence(text: string): string {
  const ended = text === "" || /[.!?:]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
