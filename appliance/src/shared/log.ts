// SPDX-License-Identifier: Apache-2.0
/** Logging: JSON lines on standard output, which is the console. One bound child logger per module. */
import { type DestinationStream, type Logger, multistream, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/**
 * @param name "executor" or "service": bound into every line
 * @param also where lines go beside standard output
 */
export function createLogger(name: "executor" | "service", also: readonly DestinationStream[] = []): Logger {
  const options = {
    level: "info",
    base: { process: name },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (also.length === 0) return pino(options);
  return pino(options, multistream([process.stdout, ...also].map((stream) => ({ stream, level: "trace" as const }))));
}

/** Swallows everything; for tests. */
export function silentLogger(): Logger {
  return pino({ level: "silent" });
}
