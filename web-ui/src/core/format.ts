// SPDX-License-Identifier: Apache-2.0
/** Numbers, durations and moments for people; decimal units, as networks count. */
import { language } from "../strings.ts";

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const RATE_UNITS = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
const counts = new Intl.NumberFormat(language);
const figures = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const fixed = [0, 1, 2].map((digits) => {
  const bounds = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false };
  return new Intl.NumberFormat(language, bounds);
});

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

/** 0.12345 -> "0.123" */
export function figure(value: number): string {
  return figures.format(value);
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
  return `${fixed[digits]?.format(size)} ${units[unit]}`;
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

// One form of times for all of the page, in every language: 2026-11-29 14:03:05, in the browser's zone. Swedes write them like that.
const moments = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const offsets = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" });

/** @param time milliseconds since 1970, or what the gateway wrote in ISO 8601; what is no moment stays */
export function moment(time: number | string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : moments.format(date);
}

/** "14:03:05" */
export function timeOfDay(milliseconds: number): string {
  return moments.format(milliseconds).slice(11);
}

/** "14:03", for axes */
export function minuteOfDay(milliseconds: number): string {
  return moments.format(milliseconds).slice(11, 16);
}

/** "11-29 14:03", for axes */
export function dayAndMinute(milliseconds: number): string {
  return moments.format(milliseconds).slice(5, 16);
}

/** The zone that all times are in: "Europe/Berlin (UTC+01:00)" */
export function zone(now = Date.now()): string {
  const name = moments.resolvedOptions().timeZone;
  const offset = offsets.formatToParts(now).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return /^GMT([+-]00:00)?$/.test(offset) ? name : `${name} (${offset.replace("GMT", "UTC")})`;
}

/** What the gateway says, with the moments in it, which are UTC, as the page shows moments. */
export function inZone(text: string): string {
  return text.replace(/([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) UTC/g, (_all, day, time) =>
    moment(`${day}T${time}Z`),
  );
}

/** What the gateway says, as a sentence: it leaves capital letter and full stop to whoever shows it. */
export function sentence(text: string): string {
  const ended = text === "" || /[.!?:]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
