// SPDX-License-Identifier: Apache-2.0
// TCP ports on the host's loopback.
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";
import { LabError } from "../errors.ts";
import type { Ports } from "../topologies/expand.ts";

/**
 * The first, and the one after the last. Below those that Linux gives to outgoing connections (32768 and more): what is free now is still
 * free when disks are built and QEMU starts, minutes later.
 */
const LASTING = [20_000, 32_768] as const;

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

/** On a lasting port that is free. */
async function listenSomewhere(): Promise<Server> {
  for (;;) {
    try {
      return await listen(randomInt(...LASTING));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}

function numberOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** A free port for each name; all different, since all are held until the last is found. */
export async function freePorts(names: readonly string[]): Promise<Ports> {
  const servers = await Promise.all(names.map(listenSomewhere));
  const ports = Object.fromEntries(names.map((name, index) => [name, numberOf(servers[index] as Server)]));
  await Promise.all(servers.map(close));
  return ports;
}

/** Fails with the port's number when something listens there already. */
export async function requireFree(ports: Ports): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    try {
      await close(await listen(port));
    } catch (error) {
      throw new LabError(
        "port-taken",
        `Port ${port} on 127.0.0.1 (${name}) is taken.`,
        `Stop what listens there ("ss -ltnp 'sport = :${port}'" names it), then try again.`,
        error,
      );
    }
  }
}
