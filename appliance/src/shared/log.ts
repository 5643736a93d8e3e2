// SPDX-License-Identifier: Apache-2.0
/** Logging: JSON lines on standard output, which is the console. One bound child logger per module. */
import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/** @param process "executor" or "service": bound into every line. */
export function createLogger(process: "executor" | "service", level = "info"): Logger {
  return pino({
    level,
    base: { process },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** Swallows everything; for tests. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
