// SPDX-License-Identifier: Apache-2.0
/** Stations: their settings, and the checks of the way to them. */
import type {
  CaptureView,
  PingResult,
  Series,
  StationChange,
  StationView,
  ThroughputResult,
} from "@scsigate/appliance/api/stations";
import { call } from "./api.ts";

/** A throughput test takes two times its seconds, and a bit, milliseconds. */
const LONG_MS = 40_000;
export const PING_COUNT = 10;
export const THROUGHPUT_SECONDS = 5;

function path(segment: string, address: string, what = ""): string {
  return `/api/v1/stations/${encodeURIComponent(address)}${what}?segment=${encodeURIComponent(segment)}`;
}

export async function listStations(): Promise<StationView[]> {
  return (await call<StationView[]>("GET", "/api/v1/stations")).value;
}

export async function loadStation(segment: string, address: string): Promise<StationView> {
  return (await call<StationView>("GET", path(segment, address))).value;
}

export async function changeStation({ segment, address }: StationView, change: StationChange): Promise<StationView> {
  return (await call<StationView>("PATCH", path(segment, address), change)).value;
}

export async function pingStation({ segment, address }: StationView): Promise<PingResult> {
  return (await call<PingResult>("POST", path(segment, address, "/ping"), { count: PING_COUNT }, {}, LONG_MS)).value;
}

export async function measureStation({ segment, address }: StationView): Promise<ThroughputResult> {
  const body = { seconds: THROUGHPUT_SECONDS };
  return (await call<ThroughputResult>("POST", path(segment, address, "/throughput"), body, {}, LONG_MS)).value;
}

export async function startCapture(
  { segment, address }: StationView,
  limits: { seconds: number; maxBytes: number },
): Promise<CaptureView> {
  return (await call<CaptureView>("POST", path(segment, address, "/capture"), limits)).value;
}

export async function loadCapture(): Promise<CaptureView | null> {
  return (await call<{ capture: CaptureView | null }>("GET", "/api/v1/capture")).value.capture;
}

/** Ends the capture, if it runs; else drops it. @throws ApiError capture-missing: another one is in its place */
export async function dropCapture({ id }: CaptureView): Promise<void> {
  await call("DELETE", `/api/v1/capture?id=${encodeURIComponent(id)}`);
}

/** Where its packets are. */
export function captureFile({ id }: CaptureView): string {
  return `/api/v1/capture/file?id=${encodeURIComponent(id)}`;
}

/** @param address of a station; undefined: of the whole segment. @param rangeMs up to now, by the gateway's clock */
export async function loadSeries(segment: string, address: string | undefined, rangeMs: number, now: number) {
  const target =
    address === undefined
      ? `/api/v1/segments/${encodeURIComponent(segment)}/history?`
      : `${path(segment, address, "/history")}&`;
  return (await call<Series>("GET", `${target}from=${now - rangeMs}&to=${now}`)).value;
}
