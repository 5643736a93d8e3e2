// SPDX-License-Identifier: Apache-2.0
/** A line of a GPIO chip that the executor has given us, by onoff. */

export interface Line {
  /** On, or pressed. */
  read(): boolean;
  write(on: boolean): void;
  /** Gives up what reads and writes it; the executor takes the line itself back. */
  close(): void;
}

/**
 * @param number in /sys/class/gpio
 * @throws Error of the kernel's, where the line cannot be used like this
 */
export type OpenLine = (number: number, direction: "in" | "out", activeLow: boolean) => Promise<Line>;

/** onoff is loaded for the first line: without a panel it costs nothing. */
export const openLine: OpenLine = async (number, direction, activeLow) => {
  const { Gpio } = await import("onoff");
  // "low" is written as the line's level: a LED that is on when low would flash.
  const gpio = new Gpio(number, direction === "in" ? "in" : activeLow ? "high" : "low", undefined, { activeLow });
  return {
    read: () => gpio.readSync() === Gpio.HIGH,
    write: (on) => gpio.writeSync(on ? Gpio.HIGH : Gpio.LOW),
    close: () => gpio.unexport(),
  };
};
