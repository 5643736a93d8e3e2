// SPDX-License-Identifier: Apache-2.0
/** The API's routes for stations: what they are, what they did, their settings, and checks of the way to them. */
import type { StationChange } from "../../api/stations.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { asObject } from "../../shared/json.ts";
import type { Part } from "../environment.ts";
import { stationKey } from "../history/fields.ts";
import { type History, MAX_POINTS, STEPS } from "../history/history.ts";
import type { Monitor } from "../monitor.ts";
import type { CaptureSlot } from "../stations/captures.ts";
import { ping, throughput } from "../stations/probes.ts";
import type { Stations } from "../stations/stations.ts";
import { type Answer, type ApiRequest, json, NOTHING, type Route } from "./router.ts";

export interface StationsApi {
  environment: Part<"clock" | "run", never, "ping">;
  monitor: Monitor;
  stations: Stations;
  history: History;
  captures: CaptureSlot;
}

const SEGMENT = { segment: "Where the address is on several segments; the first unless told." };
const RANGE = {
  from: "Milliseconds since 1970; 15 minutes before the end unless told.",
  to: "Milliseconds since 1970; now unless told.",
  step:
    "Seconds between two values; as fine as the range is kept unless told: 1 for 15 minutes, 60 for a day, 600 for a " +
    "week.",
};
const CAPTURE = { id: "Of the recording, so that it is not somebody else's; the one that there is unless told." };
const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;
/** A range that is kept may end a bit before now, since whoever asks has a clock of their own. */
const GRACE_MS = 60_000;
/** Of the year 9999: what is above is no moment. */
const LATEST = 253_402_300_799_000;

export function stationsRoutes({ environment, monitor, stations, history, captures }: StationsApi): Route[] {
  const { executor, run, clock } = environment;
  const find = ({ params, query }: ApiRequest) =>
    stations.find(params["address"] ?? "", query.get("segment") ?? undefined);
  const series = async (key: string, query: URLSearchParams): Promise<Answer> => {
    const { from, to, step } = rangeOf(query, clock.now());
    return json(await history.series(key, from, to, step));
  };
  return [
    {
      method: "GET",
      path: "/api/v1/stations",
      access: "read",
      summary: "All stations with their settings; also those that only the configuration knows",
      answers: { 200: "Stations" },
      handler: async () => json(await stations.list()),
    },
    {
      method: "GET",
      path: "/api/v1/stations/{address}",
      access: "read",
      summary: "A station",
      query: SEGMENT,
      answers: { 200: "Station" },
      handler: async (request) => json(await find(request)),
    },
    {
      method: "PATCH",
      path: "/api/v1/stations/{address}",
      access: "operate",
      summary:
        "Changes a station's name, address or access; at once, as a change of the configuration that is confirmed",
      query: SEGMENT,
      body: "StationChange",
      answers: { 200: "Station" },
      handler: async (request) => {
        const change = request.body as StationChange; // the schema's form
        return json(await stations.change(await find(request), change, request.address));
      },
    },
    {
      method: "GET",
      path: "/api/v1/stations/{address}/history",
      access: "read",
      summary: "What a station did: rates, packets, latencies, errors",
      query: { ...RANGE, ...SEGMENT },
      answers: { 200: "Series" },
      handler: async (request) => {
        const { segment, address } = await find(request);
        return series(stationKey(segment, address), request.query);
      },
    },
    {
      method: "GET",
      path: "/api/v1/segments/{name}/history",
      access: "read",
      summary: "What a segment did: rates, packets, latencies, errors by reason",
      query: RANGE,
      answers: { 200: "Series" },
      handler: ({ params, query }) => {
        const { name = "" } = params;
        if (!monitor.status.segments.some((segment) => segment.name === name)) {
          const nextStep = "GET /api/v1/status lists the segments.";
          throw new ScsigateError("segment-missing", `there is no segment ${name}`, nextStep);
        }
        return series(name, query);
      },
    },
    {
      method: "POST",
      path: "/api/v1/stations/{address}/ping",
      access: "operate",
      summary: "Sends echo requests to a station, five a second",
      query: SEGMENT,
      body: "Ping",
      answers: { 200: "PingResult" },
      handler: async (request) => json(await ping(await find(request), numberIn(request, "count", 5), executor)),
    },
    {
      method: "POST",
      path: "/api/v1/stations/{address}/throughput",
      access: "operate",
      summary: "Measures TCP throughput to and from a station, which must run iperf3 -s",
      query: SEGMENT,
      body: "Throughput",
      answers: { 200: "ThroughputResult" },
      handler: async (request) => json(await throughput(await find(request), numberIn(request, "seconds", 5), run)),
    },
    {
      method: "POST",
      path: "/api/v1/stations/{address}/capture",
      access: "operate",
      summary: "Records a station's packets; one recording at a time, in the place of the one before",
      query: SEGMENT,
      body: "StartCapture",
      answers: { 202: "Capture" },
      handler: async (request) => {
        const { segment, address } = await find(request);
        const limits = { seconds: numberIn(request, "seconds", 10), maxBytes: numberIn(request, "maxBytes", 2 ** 20) };
        return json(captures.start({ segment, address, ...limits }), 202);
      },
    },
    {
      method: "GET",
      path: "/api/v1/capture",
      access: "operate",
      summary: "The recording that runs, or can be fetched",
      answers: { 200: "CurrentCapture" },
      handler: () => json({ capture: captures.view }),
    },
    {
      method: "GET",
      path: "/api/v1/capture/file",
      access: "operate",
      summary: "What was recorded, as a pcap file. It is kept for ten minutes",
      query: CAPTURE,
      answers: { 200: "pcap" },
      handler: ({ query }) => {
        const { name, content } = captures.file(query.get("id") ?? undefined);
        const headers = {
          "Content-Type": "application/vnd.tcpdump.pcap",
          "Content-Disposition": `attachment; filename="${name}"`,
          "Cache-Control": "no-store",
        };
        return { status: 200, headers, body: content };
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/capture",
      access: "operate",
      summary: "Ends the recording that runs, keeping what it has; or drops the one that ended",
      query: CAPTURE,
      handler: ({ query }) => {
        captures.discard(query.get("id") ?? undefined);
        return NOTHING;
      },
    },
  ];
}

function numberIn({ body }: ApiRequest, name: string, usual: number): number {
  const value = asObject(body)[name];
  return typeof value === "number" ? value : usual;
}

/** @throws ScsigateError range-invalid */
export function rangeOf(query: URLSearchParams, now: number): { from: number; to: number; step: number } {
  const refuse = (message: string, nextStep: string) => new ScsigateError("range-invalid", message, nextStep);
  const read = (name: string, usual: number): number => {
    const text = query.get(name);
    if (text === null) return usual;
    if (/^[0-9]{1,15}$/.test(text) && Number(text) <= LATEST) return Number(text);
    throw refuse(`${name} is no whole number`, RANGE[name as keyof typeof RANGE]);
  };
  const to = read("to", now);
  const from = read("from", to - QUARTER_MS);
  if (from >= to) throw refuse("the range ends before it begins", "Make from less than to.");
  const age = Math.max(to, now) - from;
  const { second, minute, tenMinutes } = STEPS;
  const kept = age <= QUARTER_MS + GRACE_MS ? second : age <= DAY_MS + GRACE_MS ? minute : tenMinutes;
  const step = read("step", kept);
  if (step < 1 || step > 86_400) throw refuse("step is not possible", "Use 1 to 86400 seconds.");
  if ((to - from) / (step * 1000) > MAX_POINTS) {
    const nextStep = `Use a step of ${Math.ceil((to - from) / 1000 / MAX_POINTS)} s or more, or a shorter range.`;
    throw refuse(`these would be more than ${MAX_POINTS} values`, nextStep);
  }
  return { from, to, step };
}
