// SPDX-License-Identifier: Apache-2.0
/** What BIRD's command line says of the protocol named mesh. Lines of another form are skipped. */

export interface BabelNeighbour {
  /** Link-local IPv6 address. */
  address: string;
  interface: string;
  /** Cost of the way to it; 65535: none. */
  metric: number;
  /** How many routes it told. */
  routes: number;
}

export interface BabelRoute {
  /** "address/prefix", IPv4 or IPv6. */
  destination: string;
  /** Next hop. */
  via: string;
  interface: string;
  metric: number;
}

/** @param output of `show babel neighbors` */
export function parseNeighbours(output: string): BabelNeighbour[] {
  const rows = output.matchAll(/^(fe80:\S+)\s+(\S+)\s+([0-9]+)\s+([0-9]+)\s+[0-9]+\s/gm);
  return [...rows].map(([, address = "", name = "", metric, routes]) => ({
    address,
    interface: name,
    metric: Number(metric),
    routes: Number(routes),
  }));
}

/** @param output of `show route`, also of `show route filtered`. The best route to each destination. */
export function parseRoutes(output: string): BabelRoute[] {
  const found = new Map<string, BabelRoute>();
  let destination = "";
  let metric = 0;
  for (const line of output.split("\n")) {
    const head = /^([0-9a-f.:]+\/[0-9]+)?\s+unicast \[.*?\]( \*)? \([0-9]+\/([0-9?-]+)\)/.exec(line);
    if (head !== null) {
      destination = head[1] ?? destination;
      metric = Number(head[3]) || 0;
    }
    const hop = /^\tvia (\S+) on (\S+)/.exec(line);
    // The best one is listed first.
    if (hop === null || destination === "" || found.has(destination)) continue;
    found.set(destination, { destination, via: hop[1] ?? "", interface: hop[2] ?? "", metric });
  }
  return [...found.values()];
}
