// SPDX-License-Identifier: Apache-2.0
// The arrangements that RFC 2143 and the article name.
import type { Arrangement, Bus, Network } from "./plan.ts";

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

const EIGHT = 8;

/** RFC 2143, section 5: "a network of eight hosts connected to a SCSI bus in which each host acts as a multi-homed host". */
export const star: Arrangement = {
  name: "star",
  title: "RFC 2143, section 5: eight hosts on a bus, each heading a second bus of seven: 64 hosts",
  buses: [
    { name: "center", subnet: "10.143.0", hosts: range(EIGHT).map((head) => `h${head}`) },
    ...range(EIGHT).map(
      (head): Bus => ({
        name: `bus${head}`,
        subnet: `10.143.${head + 1}`,
        hosts: [`h${head}`, ...range(EIGHT - 1).map((leaf) => `h${head}${leaf + 1}`)],
      }),
    ),
  ],
  // There is one way to each second bus: with h3 it goes, and all others stay.
  loss: { host: "h3", between: ["h11", "h22"], hops: [3, 3] },
  at: (host) => {
    const [head, leaf] = [Number(host[1]), Number(host[2] ?? 0)];
    return [leaf, head];
  },
};

const SIDE = 5;

/** A to Y, row by row, as the article draws them; A, F, K, P and U are the multi-homed ones. */
function letter(row: number, column: number): string {
  return String.fromCharCode("a".charCodeAt(0) + row * SIDE + column);
}

/** A plane of the article: five buses of five hosts, and one that joins their first hosts. */
function plane(suffix: string, subnet: number): Bus[] {
  return [
    { name: `join${suffix}`, subnet: `10.143.${subnet}`, hosts: range(SIDE).map((row) => letter(row, 0) + suffix) },
    ...range(SIDE).map(
      (row): Bus => ({
        name: `row${letter(row, 0)}${suffix}`,
        subnet: `10.143.${subnet + 1 + row}`,
        hosts: range(SIDE).map((column) => letter(row, column) + suffix),
      }),
    ),
  ];
}

function cell(host: string): [number, number] {
  const index = host.charCodeAt(0) - "a".charCodeAt(0);
  return [index % SIDE, Math.floor(index / SIDE)];
}

export const grid: Arrangement = {
  name: "grid",
  title: "the article in two dimensions: five buses of five hosts, joined by the multi-homed A, F, K, P, U: 25 hosts",
  buses: plane("", 0),
  // As in the star.
  loss: { host: "k", between: ["g", "q"], hops: [3, 3] },
  at: cell,
};

const PLANES = 3;

/** "... by, at the bare minimum, adding a third SCSI interface to the gateway hosts {A,F,K,P,U}." */
export const cube: Arrangement = {
  name: "cube",
  title: "the article in three dimensions: three such planes, joined by a third adapter of A, F, K, P, U: 75 hosts",
  buses: [
    ...range(SIDE).map(
      (row): Bus => ({
        name: `deep${letter(row, 0)}`,
        subnet: `10.143.${200 + row}`,
        hosts: range(PLANES).map((index) => `${letter(row, 0)}${index + 1}`),
      }),
    ),
    ...range(PLANES).flatMap((index) => plane(String(index + 1), 20 * (index + 1))),
  ],
  // With a1 goes the bus that joins the first plane's rows: what crosses that plane goes through another one.
  loss: { host: "a1", between: ["g1", "l1"], hops: [3, 5] },
  at: (host) => {
    const [column, row] = cell(host);
    return [column + (Number(host[1]) - 1) * (SIDE + 1), row];
  },
};

/** Two buses of four hosts; the multi-homed R is on both. */
const twoBuses: Pick<Network, "buses" | "at"> = {
  buses: [
    { name: "left", subnet: "10.143.0", hosts: ["r", "a", "b", "c"] },
    { name: "right", subnet: "10.143.1", hosts: ["r", "d", "e", "f"] },
  ],
  at: (host) => {
    const index = "abcdef".indexOf(host);
    return index < 0 ? [1, 1] : [index % 3, index < 3 ? 0 : 2];
  },
};

export const mirror: Network = {
  ...twoBuses,
  name: "mirror",
  title: "FTP mirroring: a tree of files on A, mirrored by B on the same bus, by D and E behind R, all at once",
};

export const nfs: Network = {
  ...twoBuses,
  name: "nfs",
  title: "NFS: A exports a tree, D behind R copies it from there and back",
};

export const pvm: Network = {
  ...twoBuses,
  name: "pvm",
  title: "parallel computation with PVM: A hands rows of a picture out to B on its bus and to D, E, F behind R",
};

export const mpi: Network = {
  ...twoBuses,
  name: "mpi",
  title: "parallel computation with MPI: A hands rows of a picture out to B on its bus and to D, E, F behind R",
};

export const search: Network = {
  ...twoBuses,
  name: "search",
  title: "a web search engine: B reads the pages of A beside it and of D and E behind R; C and F ask it",
};

/** SA and SB are stations, GA and GB gateways: whole ones, each a machine. */
export const twoGateways: Network = {
  name: "two-gateways",
  title: "two appliances join two SCSI segments over Ethernet, with nothing configured but what the setup asks for",
  buses: [
    { name: "seg0-a", subnet: "10.143.0", hosts: ["sa", "ga"] },
    { name: "lan", subnet: "192.168.77", hosts: ["ga", "gb"] },
    { name: "seg0-b", subnet: "10.143.1", hosts: ["gb", "sb"] },
  ],
  at: (host) => [["sa", "ga", "gb", "sb"].indexOf(host), 0],
};

export const arrangements: readonly Arrangement[] = [star, grid, cube];

/** What `make scenario` runs, one by one: a file of lab/scenarios and a part of docs/clusters.md each. */
export const ownScenarios: readonly Network[] = [...arrangements, twoGateways, mirror, nfs, search, pvm, mpi];

/** What runs the same way and has a document of its own, with a part that the command writes. */
export interface Survey extends Pick<Network, "name" | "title"> {
  readonly document: string;
  readonly command: string;
}

export const surveys: readonly Survey[] = [
  {
    name: "adapters",
    title: "one segment over every pair of initiator's and target's drivers that runs in emulation",
    document: "docs/adapters.md",
    command: "make adapters",
  },
  {
    name: "growth",
    title: "a segment from 2 to 256 stations: what each costs, and what ends it",
    document: "docs/scale.md",
    command: "make scenario NAME=growth",
  },
];
