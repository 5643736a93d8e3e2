// SPDX-License-Identifier: Apache-2.0
// Made from firmware/messages.json by firmware/scripts/messages.mjs

export const VERSION = 1;
export const PAYLOAD_MAX = 1024;
export const STATIONS = 10;

export const REQUESTS = {
  HELLO: 1,
  COUNTERS: 2,
  STATION: 3,
  SETTINGS_GET: 4,
  SETTINGS_SET: 5,
  RESTART: 6,
  UPDATE_BEGIN: 7,
  UPDATE_DATA: 8,
  UPDATE_TRY: 9,
  UPDATE_CONFIRM: 10,
  UPDATE_STATE: 11,
} as const;

export const RESULTS = {
  OK: 0,
  UNKNOWN: 1,
  LENGTH: 2,
  VALUE: 3,
  FLASH: 4,
  ORDER: 5,
  IMAGE: 6,
} as const;

export const CAPABILITIES = {
  HUB: 0,
  SETTINGS: 1,
  UPDATE: 2,
  DAYNAPORT: 3,
} as const;

export const SETTINGS_FLAGS = {
  DAYNAPORT: 0,
  DAYNA_PAD: 1,
  HELD_GETS: 2,
} as const;

/** Offsets and sizes in bytes; numbers are big endian. */
export const HELLO_LAYOUT = {
  version: { at: 0, size: 2 },
  capabilities: { at: 2, size: 4 },
  uptimeSeconds: { at: 6, size: 4 },
  stationAddress: { at: 10, size: 6 },
  scsiId: { at: 16, size: 1 },
  linkUp: { at: 17, size: 1 },
  serial: { at: 18, size: 16 },
  firmware: { at: 34, size: 16 },
  board: { at: 50, size: 1 },
} as const;
export const HELLO_SIZE = 51;

/** Offsets and sizes in bytes; numbers are big endian. */
export const STATION_LAYOUT = {
  initiator: { at: 0, size: 1 },
  known: { at: 1, size: 1 },
  hello: { at: 2, size: 1 },
  up: { at: 3, size: 1 },
  address: { at: 4, size: 6 },
  waiting: { at: 10, size: 2 },
  name: { at: 12, size: 64 },
} as const;
export const STATION_SIZE = 76;

/** Offsets and sizes in bytes; numbers are big endian. */
export const SETTINGS_LAYOUT = {
  scsiId: { at: 0, size: 1 },
  board: { at: 1, size: 1 },
  stationAddress: { at: 2, size: 6 },
  name: { at: 8, size: 64 },
  flags: { at: 72, size: 1 },
  daynaId: { at: 73, size: 1 },
  daynaAddress: { at: 74, size: 6 },
} as const;
export const SETTINGS_SIZE = 80;

/** Offsets and sizes in bytes; numbers are big endian. */
export const UPDATE_BEGIN_LAYOUT = {
  magic: { at: 0, size: 4 },
  format: { at: 4, size: 4 },
  length: { at: 8, size: 4 },
  crc: { at: 12, size: 4 },
  firmware: { at: 16, size: 16 },
} as const;
export const UPDATE_BEGIN_SIZE = 32;

/** Offsets and sizes in bytes; numbers are big endian. */
export const UPDATE_DATA_LAYOUT = {
  offset: { at: 0, size: 4 },
  data: { at: 4, size: 512 },
} as const;
export const UPDATE_DATA_SIZE = 516;

/** Offsets and sizes in bytes; numbers are big endian. */
export const UPDATE_STATE_LAYOUT = {
  slot: { at: 0, size: 1 },
  trial: { at: 1, size: 1 },
  fellBack: { at: 2, size: 1 },
  secondsLeft: { at: 3, size: 1 },
  length: { at: 4, size: 4 },
  next: { at: 8, size: 4 },
} as const;
export const UPDATE_STATE_SIZE = 12;

/** 32 bits each, in this order. */
export const COUNTERS_LIST = [
  "commands",
  "checks",
  "busy",
  "resets",
  "deviceResets",
  "aborts",
  "parityErrors",
  "timeouts",
  "messages",
  "rejects",
  "retries",
  "dataIn",
  "dataOut",
  "upPackets",
  "upDropped",
  "downPackets",
  "downMalformed",
  "downUnknown",
  "noRoom",
  "ntbMalformed",
  "frameErrors",
  "disconnects",
  "reselections",
  "reselectYields",
  "reselectUnanswered",
  "selections0",
  "selections1",
  "selections2",
  "selections3",
  "selections4",
  "selections5",
  "selections6",
  "selections7",
  "selectionsNoId",
] as const;

/** 32 bits each, in this order. */
export const STATION_COUNTERS_LIST = [
  "rxMessages",
  "rxPackets",
  "rxBytes",
  "rxMalformed",
  "rxForged",
  "rxTooBig",
  "rxNomem",
  "rxReordered",
  "txMessages",
  "txPackets",
  "txBytes",
  "txNull",
  "txNoExt",
  "txTooBig",
  "txQueueFull",
  "txPeerDown",
  "relayed",
] as const;
