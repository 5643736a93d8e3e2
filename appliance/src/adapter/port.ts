// SPDX-License-Identifier: Apache-2.0
/** Opens an adapter's management port. The library is loaded with the first port: who has no adapter does not pay for it. */
import type { Duplex } from "node:stream";

/** An open port. */
export interface Line {
  stream: Duplex;
  close(): void;
}

/** @throws when it cannot be opened, or there is no library for this machine */
export type OpenPort = (path: string) => Promise<Line>;

/** Of no effect on USB; the library wants one. */
const BAUD_RATE = 115200;

export const openSerialPort: OpenPort = async (path) => {
  const { SerialPort } = await import("serialport");
  // Locked: of two programs, each would take the other's answers.
  const port = new SerialPort({ path, baudRate: BAUD_RATE, autoOpen: false, lock: true });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });
  // Of a stream's destroy() the library knows nothing: the port would stay open.
  return { stream: port, close: () => port.isOpen && port.close(() => undefined) };
};
