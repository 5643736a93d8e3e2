// SPDX-License-Identifier: Apache-2.0
/** Other gateways as BIRD knows them, and what is wrong with them. */
import type { MeshStatus, Problem, SegmentStatus } from "../api/status.ts";
import type { Config } from "../config/types.ts";
import { parseNeighbours, parseRoutes } from "../observe/bird.ts";
import { isMeshed } from "../plan/meshed.ts";
import type { MeshAnswers } from "../protocol/messages.ts";
import { tunnelName } from "../protocol/operations.ts";
import { overlaps, parseInterface } from "../shared/ipv4.ts";

/** Babel's metric of what cannot be reached. */
const INFINITE = 65_535;
/** How long something may be wrong before it is told of, milliseconds: BIRD starts, and hellos come every two seconds. */
const PATIENCE_MS = 15_000;

/** @param answers undefined while none was asked for */
export function meshStatus(
  config: Config,
  answers: MeshAnswers | null | undefined,
  segments: readonly SegmentStatus[],
): MeshStatus | null {
  if (!isMeshed(config)) return null;
  const heard = parseNeighbours(answers?.neighbours ?? "");
  const neighbours = heard
    .filter(({ metric }) => metric < INFINITE)
    .map((entry) => ({
      ...entry,
      peer: config.mesh.peers.find((peer) => tunnelName(peer) === entry.interface) ?? null,
    }));
  const peers = config.mesh.peers.map((address) => ({
    address,
    reached: neighbours.some(({ peer }) => peer === address),
  }));
  const routes = parseRoutes(answers?.routes ?? "");
  return { running: answers != null, neighbours, routes, peers, clashes: clashes(config, answers, segments) };
}

/** Subnets of ours that another gateway announces as its own. One that spans gateways is announced by all of them. */
function clashes(
  config: Config,
  answers: MeshAnswers | null | undefined,
  segments: readonly SegmentStatus[],
): MeshStatus["clashes"] {
  const spanning = config.segments.filter(({ extend }) => extend !== undefined).map(({ name }) => name);
  const refused = parseRoutes(answers?.refused ?? "");
  return segments
    .filter(({ name }) => !spanning.includes(name))
    .flatMap(({ name, ips }) =>
      ips.flatMap((ip) => {
        const ours = parseInterface(ip);
        const clash = refused.find(({ destination }) => {
          const theirs = parseInterface(destination);
          return ours !== undefined && theirs !== undefined && overlaps(ours, theirs);
        });
        return clash === undefined ? [] : [{ segment: name, destination: clash.destination, via: clash.via }];
      }),
    );
}

/** Tells of what stays wrong for a while. */
export class MeshWatch {
  readonly #since = new Map<string, number>();

  /** @param at now, monotonic milliseconds */
  update(status: MeshStatus | null, at: number): Problem[] {
    const now = status === null ? [] : problems(status);
    const messages = new Set(now.map(({ message }) => message));
    for (const message of this.#since.keys()) if (!messages.has(message)) this.#since.delete(message);
    for (const message of messages) if (!this.#since.has(message)) this.#since.set(message, at);
    return now.filter(({ message }) => at - (this.#since.get(message) ?? at) >= PATIENCE_MS);
  }
}

function problems({ running, peers, clashes: taken }: MeshStatus): Problem[] {
  if (!running) {
    const message = "BIRD, which tells other gateways our segments, does not run";
    const nextStep =
      "It is started again within ten seconds; if not, look at /run/scsigate/bird/bird.log on the console.";
    return [{ code: "mesh-down", message, nextStep }];
  }
  return [
    ...peers
      .filter(({ reached }) => !reached)
      .map(
        ({ address }): Problem => ({
          code: "mesh-peer-unreached",
          message: `gateway ${address} of mesh.peers is not heard`,
          nextStep:
            "Check that it runs in mode mesh with the same mesh.key, has this gateway in its mesh.peers, and that GRE gets through.",
        }),
      ),
    ...taken.map(
      ({ segment, destination, via }): Problem => ({
        code: "mesh-subnet-taken",
        message: `${destination} of segment ${segment} is announced by another gateway (${via}), too`,
        nextStep: "Give the segment of one of the two another subnet in ipv4.address.",
      }),
    ),
  ];
}
