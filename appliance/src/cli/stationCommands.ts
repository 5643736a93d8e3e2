// SPDX-License-Identifier: Apache-2.0
/** Commands for stations: who they are, what they may, whether they answer, what they say. */
import type { CaptureView, PingResult, StationChange, StationView } from "../api/stations.ts";
import { CliError } from "./client.ts";
import {
  type CliWorld,
  type Command,
  type Commands,
  numberOption,
  type Options,
  ok,
  type Said,
  save,
  view,
} from "./command.ts";
import { formatCapture, formatPeers, formatPing, formatStation, formatStations } from "./format.ts";

const USAGE = "STATION [--segment NAME]";

export const stationCommands: Commands = {
  peers: view("/api/v1/peers", "the stations that are there, with their traffic", formatPeers),
  stations: view("/api/v1/stations", "all stations, also those that only the configuration knows", formatStations),
  station: {
    usage: USAGE,
    help: "one station; STATION is its address, its name or its IPv4 address",
    takes: [1, 1],
    async run([word = ""], options, world) {
      const json = await find(word, options, world);
      return { json, text: formatStation(json) };
    },
  },
  "station name": {
    usage: `STATION NAME|- [--segment NAME]`,
    help: "gives it a name; - takes that back",
    takes: [2, 2],
    run: ([word = "", name = ""], options, world) => change(word, { name: name === "-" ? null : name }, options, world),
  },
  "station reserve": {
    usage: `STATION ADDRESS|- [--segment NAME]`,
    help: "keeps an IPv4 address for it; - takes that back",
    takes: [2, 2],
    run: ([word = "", ip = ""], options, world) => change(word, { reservedIp: ip === "-" ? null : ip }, options, world),
  },
  "station initiator": {
    usage: `STATION on|off [--segment NAME]`,
    help: "whether its settings go by its initiator's name, where the fabric proves that, or by its address",
    takes: [2, 2],
    run: async ([word = "", how = ""], options, world) => {
      if (how !== "on" && how !== "off") throw new CliError(`${how} is neither on nor off`, "Say on or off.");
      const { provenInitiator } = await find(word, options, world);
      if (how === "on" && provenInitiator === null) {
        const nextStep = "fabric.initiators has to have the name by which the station came.";
        throw new CliError("nothing proves the name of this station's initiator", nextStep);
      }
      return change(word, { initiator: how === "on" ? provenInitiator : null }, options, world);
    },
  },
  "station block": access("block", "cuts it off"),
  "station allow": access("allow", "lets it in again"),
  "station ping": {
    usage: USAGE,
    help: "five echo requests to it",
    takes: [1, 1],
    async run([word = ""], options, world) {
      const path = pathOf(await find(word, options, world), "ping");
      const { json } = ok(await world.call("POST", path, { count: 5 }));
      return { json, text: formatPing(json as PingResult) };
    },
  },
  capture: view("/api/v1/capture", "the recording of packets that runs, or can be saved", (json) =>
    formatCapture((json as { capture: CaptureView | null }).capture),
  ),
  "capture start": {
    usage: "STATION [--seconds SECONDS] [--segment NAME]",
    help: "records a station's packets: 10 s, at most 60, at most 1 MiB",
    takes: [1, 1],
    async run([word = ""], options, world) {
      const seconds = numberOption(options, "seconds", 10, [1, 60]);
      const path = pathOf(await find(word, options, world), "capture");
      const { json } = ok(await world.call("POST", path, { seconds, maxBytes: 2 ** 20 }));
      return { json, text: `${formatCapture(json as CaptureView)}\nThen: scsigate capture save FILE` };
    },
  },
  "capture save": {
    usage: "FILE",
    help: "writes what was recorded, for Wireshark or tcpdump, into a new file",
    takes: [1, 1],
    async run([file = ""], _options, world) {
      const { body } = ok(await world.call("GET", "/api/v1/capture/file"));
      return save(file, body, world);
    },
  },
  "capture stop": {
    usage: "",
    help: "ends the recording that runs, keeping what it has; or drops the one that ended",
    takes: [0, 0],
    async run(_args, _options, { call }) {
      ok(await call("DELETE", "/api/v1/capture"));
      return { json: null, text: "Done." };
    },
  },
};

function access(to: "allow" | "block", help: string): Command {
  return {
    usage: USAGE,
    help,
    takes: [1, 1],
    run: ([word = ""], options, world) => change(word, { access: to }, options, world),
  };
}

async function change(word: string, body: StationChange, options: Options, world: CliWorld): Promise<Said> {
  const station = await find(word, options, world);
  const json = ok(await world.call("PATCH", pathOf(station), body)).json as StationView;
  return { json, text: formatStation(json) };
}

function pathOf({ address, segment }: StationView, what?: string): string {
  const path = `/api/v1/stations/${encodeURIComponent(address)}${what === undefined ? "" : `/${what}`}`;
  return `${path}?segment=${encodeURIComponent(segment)}`;
}

/** The one station that goes by this word. @throws CliError when there is none, or more than one */
async function find(word: string, { segment }: Options, { call }: CliWorld): Promise<StationView> {
  const all = (ok(await call("GET", "/api/v1/stations")).json as StationView[]).filter(
    (station) => segment === undefined || station.segment === segment,
  );
  const goesBy = ({ address, initiator, name, ips, reservedIp, lease }: StationView) =>
    [address, initiator].includes(word.toLowerCase()) ||
    name === word ||
    ips.includes(word) ||
    reservedIp === word ||
    lease?.ip === word;
  const found = all.filter(goesBy);
  const [station] = found;
  if (station === undefined) {
    const where = segment === undefined ? "" : ` on ${segment}`;
    throw new CliError(`there is no station ${word}${where}`, "scsigate stations lists them.");
  }
  if (found.length > 1) {
    const list = found.map(({ address, segment: on }) => `${address} on ${on}`).join(", ");
    throw new CliError(`${found.length} stations go by ${word}: ${list}`, "Use the address, and --segment.");
  }
  return station;
}
