// SPDX-License-Identifier: Apache-2.0
/** The state of a station in a word. */
import type { StationStatus } from "@scsigate/appliance/api";
import type { Tone } from "../parts.tsx";

const TONES: Record<string, Tone> = {
  up: "good",
  stalled: "warn",
  silent: "warn",
  down: "bad",
  blocked: "bad",
  absent: "plain",
};

interface Known {
  blocked: boolean;
  live: StationStatus | null;
}

/** A key of strings.states, or what a newer driver says. */
export function stateOf({ blocked, live }: Known): string {
  if (blocked) return "blocked";
  if (live === null) return "absent";
  return live.state === "up" && live.answers === false ? "silent" : live.state;
}

export function stateTone(station: Known): Tone {
  return TONES[stateOf(station)] ?? "plain";
}
