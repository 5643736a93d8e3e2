// SPDX-License-Identifier: Apache-2.0
/**
 * JSON Schemas of what goes through the API: bodies are checked against them (compiled by scripts/generate.ts), answers
 * are described by them (GET /api/v1/openapi.json), and tests compare real answers with them.
 */
import { SCOPES } from "./access.ts";

/** Shortest password, characters: NIST SP 800-63B-4 for one that stands alone. */
export const MIN_PASSWORD = 12;

const text = (description: string, more: object = {}) => ({ type: "string", description, ...more });
const integer = (description: string, more: object = {}) => ({ type: "integer", description, ...more });
const list = (items: object) => ({ type: "array", items });
const nullable = (type: string, description: string) => ({ type: [type, "null"], description });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function object(properties: Record<string, object>, optional: string[] = [], more: object = {}) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, required, properties, ...more };
}

const NAME = text("Letters, digits, dot, hyphen and underscore.", { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
const SCOPE = {
  enum: [...SCOPES],
  description: "read: look at everything but secrets. operate: also do what changes no setting. admin: everything.",
};
const PASSWORD = text("At least twelve characters.", { minLength: MIN_PASSWORD, maxLength: 256 });
/** At a login, any text is right or wrong. */
const GUESS = text("", { maxLength: 256 });
const CONFIRM_SECONDS = integer("Time for the confirmation, seconds.", { minimum: 10, maximum: 3600, default: 120 });
const STATION_ACCESS = { enum: ["allow", "block"], description: "block: nothing gets through from it, or to it." };
const MOMENT = integer("Milliseconds since 1970.");
const POINTER = text("JSON Pointer.");
const SLOT = { enum: ["A", "B"] };

const problemFields = {
  code: text("For programs; stable."),
  message: text("What happened."),
  nextStep: text("What to do."),
};

const checkFields = {
  id: text("For programs; stable."),
  title: text("What was looked at."),
  state: { enum: ["good", "warn", "bad", "unknown", "off"] },
  measured: text("What was seen."),
  nextStep: nullable("string", "What to do."),
};

export const SCHEMAS = {
  Problem: object(
    {
      type: text("urn:scsigate:problem:<code>"),
      status: integer("The HTTP status."),
      title: text("What was wrong."),
      code: text("For programs; stable."),
      nextStep: text("What to do."),
      errors: list({ type: "object" }),
    },
    ["errors"],
    { description: "RFC 9457 problem details." },
  ),
  Reason: object(problemFields),
  Health: object({ status: { enum: ["starting", "ok", "degraded"] }, reasons: list(ref("Reason")) }),
  Version: object({ version: text("Of the software."), commit: text("Of its source.") }),
  Status: {
    type: "object",
    description: "The state of the gateway, its segments and stations; counters carry the kernel's names.",
    required: ["id", "hostname", "version", "health", "lan", "storage", "segments", "mesh", "mqtt", "update", "config"],
    properties: {
      id: text("Names this gateway in MQTT topics."),
      hostname: text(""),
      localUrl: nullable("string", "The page by the name that the LAN finds (mDNS); null: by none, or not yet."),
      version: text(""),
      health: ref("Health"),
      lan: { type: "object" },
      storage: { type: ["object", "null"] },
      segments: list({ type: "object" }),
      mesh: { type: ["object", "null"], description: "Other gateways, in mode mesh." },
      mqtt: { type: "object" },
      update: { type: "object", description: "The image's update in short; see GET /api/v1/update." },
      config: { type: "object" },
    },
  },
  Peers: list({
    type: "object",
    description: "A station, with the segment that it is on.",
    required: ["segment", "address", "state"],
    properties: { segment: text(""), address: text("Station address."), state: text("up, stalled or down") },
  }),
  Adapters: list(
    object({
      fabric: text("As in segments.N.fabric.type."),
      port: nullable("string", "As in segments.N.fabric.port; of iSCSI a portal."),
      device: nullable("string", "The kernel's name."),
      link: { enum: ["up", "down", "unknown"] },
      state: { enum: ["exported", "usable", "unusable"] },
      exports: list(object({ segment: text(""), target: text("Name in configfs."), enabled: { type: "boolean" } })),
      problem: { anyOf: [ref("Reason"), { type: "null" }], description: "What keeps it from being used." },
    }),
  ),
  Station: object(
    {
      segment: text(""),
      address: text("Station address."),
      name: text("The configured one, else the one that it told."),
      configuredName: nullable("string", "Null: none."),
      access: STATION_ACCESS,
      reservedIp: nullable("string", "The IPv4 address that is kept for it."),
      lease: {
        anyOf: [
          object({ ip: text(""), expires: nullable("integer", "Milliseconds since 1970; null: never.") }),
          { type: "null" },
        ],
      },
      ips: list(text("All addresses that it was seen with.")),
      live: { type: ["object", "null"], description: "As in the state as a whole; null while it is not there." },
    },
    [],
    { description: "A station: what the driver says of it, and what the configuration does." },
  ),
  Stations: list(ref("Station")),
  StationChange: object(
    {
      name: {
        description: "Also its name in the segment's DNS. Null: the one that it tells.",
        type: ["string", "null"],
        pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
      },
      reservedIp: {
        description: "The IPv4 address that it always gets by DHCP. Null: any that is free.",
        type: ["string", "null"],
        pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
      },
      access: STATION_ACCESS,
    },
    ["name", "reservedIp", "access"],
    { minProperties: 1, description: "What is absent stays." },
  ),
  Series: object({
    from: MOMENT,
    to: MOMENT,
    step: integer("Between two values, seconds."),
    times: list({ ...MOMENT, description: "Beginnings of the slots, milliseconds since 1970." }),
    series: {
      type: "object",
      additionalProperties: list({ type: ["number", "null"] }),
      description:
        "By name, a value for each slot; null: not known. rx_..., tx_... and the driver's reasons: per second. send_p50 to " +
        "get_p99: milliseconds.",
    },
  }),
  Ping: object({ count: integer("Requests.", { minimum: 1, maximum: 20, default: 5 }) }, ["count"]),
  PingResult: object({
    ip: text("Where they went."),
    sent: integer(""),
    received: integer(""),
    loss: { type: "number", description: "Percent." },
    min: nullable("number", "Round trip, milliseconds."),
    avg: nullable("number", "Round trip, milliseconds."),
    max: nullable("number", "Round trip, milliseconds."),
  }),
  Throughput: object({ seconds: integer("Of each direction.", { minimum: 1, maximum: 8, default: 5 }) }, ["seconds"]),
  ThroughputResult: object({
    ip: text("Of the station."),
    seconds: integer("Of each direction."),
    toStation: integer("Bits a second."),
    fromStation: integer("Bits a second."),
    retransmits: integer("TCP segments that were sent to the station again."),
  }),
  StartCapture: object(
    {
      seconds: integer("At most.", { minimum: 1, maximum: 60, default: 10 }),
      maxBytes: integer("At most, bytes.", { minimum: 1024, maximum: 8 * 1024 * 1024, default: 1024 * 1024 }),
    },
    ["seconds", "maxBytes"],
  ),
  Capture: object({
    id: text(""),
    segment: text(""),
    address: text("Of the station."),
    state: { enum: ["running", "done", "failed"] },
    seconds: integer("At most."),
    maxBytes: integer("At most, bytes."),
    elapsedSeconds: { type: "number", description: "So far." },
    bytes: integer("So far."),
    packets: integer("So far."),
    reason: nullable("string", "Why it ended: time, size, asked, or what went wrong."),
  }),
  CurrentCapture: object({ capture: { anyOf: [ref("Capture"), { type: "null" }] } }),
  Certificate: object({
    subject: text(""),
    issuer: text(""),
    names: list(text("DNS:gateway.local, or IP Address:192.168.1.2.")),
    notBefore: text("ISO 8601."),
    notAfter: text("ISO 8601."),
    daysLeft: integer("Negative when it has ended."),
    fingerprint: text("SHA-256, hexadecimal pairs with colons."),
    selfSigned: { type: "boolean" },
    chainLength: integer("Certificates that are sent, this one included."),
  }),
  NewCertificate: object({
    certificate: text("PEM: the gateway's own, then those that issued it, in order.", { maxLength: 65536 }),
    key: text("PEM, without a passphrase.", { maxLength: 65536 }),
  }),
  Setup: object({ token: text("What the console shows.", { maxLength: 100 }), name: NAME, password: PASSWORD }),
  SetupToken: object({ token: nullable("string", "Null: there is an administrator already.") }),
  Login: object({ name: GUESS, password: GUESS }),
  OwnPassword: object({ current: GUESS, password: PASSWORD }),
  Session: object({
    user: nullable("string", "Null without a login."),
    scope: { enum: [...SCOPES, null] },
    via: { enum: ["session", "key", "console", "none"] },
    csrfToken: nullable("string", "For the header X-CSRF-Token."),
    setupNeeded: { type: "boolean" },
  }),
  User: object({ name: NAME, scope: SCOPE }),
  Users: list(ref("User")),
  UserChange: object({ scope: SCOPE, password: PASSWORD }, ["password"]),
  Key: object({ id: text(""), name: NAME, scope: SCOPE, created: text("ISO 8601.") }),
  Keys: list(ref("Key")),
  NewKey: object({ name: NAME, scope: SCOPE }),
  KeyWithSecret: object({
    id: text(""),
    name: NAME,
    scope: SCOPE,
    created: text(""),
    secret: text("Shown this once."),
  }),
  Document: { type: "object", description: "A configuration document; see Config." },
  Patch: { type: "object", description: "A JSON merge patch (RFC 7396)." },
  Change: object(
    {
      path: POINTER,
      before: { description: "Absent: it was not there." },
      after: { description: "Absent: it is removed." },
      effects: list({ type: "string" }),
    },
    ["before", "after"],
  ),
  Plan: object({
    changes: list(ref("Change")),
    effects: list(object({ effect: text(""), what: text("In words.") })),
    operations: list({ type: "object", description: "What would be done that is not done now." }),
  }),
  Transaction: object({
    id: text(""),
    state: { enum: ["applying", "waiting", "confirmed", "rolled-back"] },
    changes: list(ref("Change")),
    secondsLeft: integer("Until it is rolled back by itself."),
    secondsAgo: nullable("integer", "Since it was confirmed or rolled back; null: it waits."),
    reason: nullable("string", "Why it was rolled back."),
    problems: list(ref("Reason")),
  }),
  CurrentTransaction: object({ transaction: { anyOf: [ref("Transaction"), { type: "null" }] } }),
  Apply: object({ confirmSeconds: CONFIRM_SECONDS }, ["confirmSeconds"]),
  Decision: object({ id: text("Of the change that is meant; absent: whichever waits.", { maxLength: 64 }) }, ["id"]),
  History: list(object({ revision: integer(""), document: ref("Document") })),
  SecretNames: list(POINTER),
  Backup: object(
    {
      format: { const: "scsigate-backup/1" },
      hostname: text("", { maxLength: 64 }),
      created: text("ISO 8601.", { maxLength: 64 }),
      document: ref("Document"),
      secrets: { type: "object", additionalProperties: { type: "string" }, description: "By JSON Pointer." },
    },
    ["secrets"],
  ),
  Reset: object({ confirm: { const: "erase everything", description: "So that it is no accident." } }),
  ResetOutlook: object({
    interface: nullable(
      "string",
      "The Ethernet that would be the LAN, by DHCP; null: none, or the machine's own network.",
    ),
    mac: nullable("string", "By which the LAN's DHCP server knows it."),
    urls: list(text("The page, at an address that stays as long as the DHCP server gives it again.")),
    localUrl: nullable("string", "The page by name (mDNS)."),
    stays: nullable("boolean", "Whether the page would be where this was asked from; null: no network address."),
  }),
  Diagnosis: object({
    time: integer("Milliseconds since 1970."),
    state: { enum: ["good", "warn", "bad"], description: "The worst." },
    checks: list(object({ ...checkFields, segment: nullable("string", "Null: the gateway as a whole.") })),
  }),
  ConnectionTest: object({ ok: { type: "boolean" }, checks: list(object(checkFields)) }),
  Telemetry: object({
    mqtt: { type: "object" },
    homeAssistant: object({
      enabled: { type: "boolean" },
      topic: nullable("string", "Where the device is announced."),
      announced: { type: "boolean" },
    }),
    syslog: object({ enabled: { type: "boolean" }, problem: { anyOf: [ref("Reason"), { type: "null" }] } }),
    messages: list(
      object({
        time: integer("Milliseconds since 1970."),
        topic: text(""),
        payload: text("Its beginning."),
        bytes: integer("Of the whole."),
        qos: { enum: [0, 1] },
        retain: { type: "boolean" },
      }),
    ),
  }),
  Network: object({
    routes: list(
      object({ destination: text(""), interface: text(""), gateway: nullable("string", "Null: directly connected.") }),
    ),
    leases: list(
      object({
        segment: text(""),
        address: text("Station address."),
        ip: text(""),
        name: text(""),
        expires: nullable("integer", "Seconds since 1970; null: never."),
      }),
    ),
    nameServers: list({ type: "string" }),
  }),
  Suggestions: list(
    object({
      setting: text("Place in the document, with N for places in lists."),
      fabric: nullable("string", "Only where the segment has this fabric; null: always."),
      value: text(""),
      about: text("What it is."),
    }),
  ),
  FirewallHits: list(
    object({
      name: text("Of a rule in firewall.rules."),
      packets: integer("That matched it since the rules were loaded: each change of the firewall begins anew."),
      bytes: integer(""),
    }),
  ),
  Slot: object({
    name: SLOT,
    version: nullable("string", "Of the image in it; null while unknown, or nothing whole is in it."),
    mayStart: { type: "boolean", description: "Whether the boot loader may start it." },
    confirmed: { type: "boolean", description: "Whether it has run well since it was written." },
  }),
  AdapterUpdate: object({
    state: {
      enum: ["writing", "restarting", "done", "failed"],
      description:
        "restarting: into the new firmware, which is confirmed once it answers. failed: the one before goes on.",
    },
    percent: integer("Of the writing."),
    problem: { description: "Null unless it failed.", anyOf: [ref("Reason"), { type: "null" }] },
  }),
  Update: object({
    image: {
      description: "Null: this machine does not run the image, and is updated in another way.",
      anyOf: [
        object({
          board: text(""),
          compatible: text("A bundle must have the same word."),
          running: ref("Slot"),
          other: ref("Slot"),
          waitingFor: list(ref("Reason")),
        }),
        { type: "null" },
      ],
    },
    state: { enum: ["idle", "receiving", "checking", "ready", "installing", "ready-to-restart", "failed"] },
    progress: {
      anyOf: [
        object({
          bytes: nullable("integer", "That are there; null while it is installed."),
          totalBytes: nullable("integer", "Null while it is unknown."),
          percent: nullable("integer", "0 to 100; null while it is unknown."),
          step: text("What is done."),
        }),
        { type: "null" },
      ],
    },
    bundle: {
      description: "What could be installed.",
      anyOf: [
        object({
          source: text("File, or URL without its password."),
          version: text(""),
          description: text(""),
          build: text(""),
          downgrade: { anyOf: [ref("Reason"), { type: "null" }], description: "Why it has to be allowed knowingly." },
        }),
        { type: "null" },
      ],
    },
    problem: { anyOf: [ref("Reason"), { type: "null" }], description: "Why it failed." },
    last: {
      description: "The last update, or going back.",
      anyOf: [
        object({
          kind: { enum: ["update", "back"] },
          result: { enum: ["installing", "installed", "confirmed", "failed", "fell-back"] },
          time: text("ISO 8601."),
          from: object({ slot: SLOT, version: nullable("string", "") }),
          to: object({ slot: SLOT, version: nullable("string", "") }),
          problem: { anyOf: [ref("Reason"), { type: "null" }] },
        }),
        { type: "null" },
      ],
    },
  }),
  UpdateUrl: object({ url: text("Of a bundle, http:// or https://.", { maxLength: 2048, pattern: "^https?://" }) }),
  UpdateInstall: object(
    {
      allowDowngrade: { type: "boolean", description: "Also where it is not newer than what runs.", default: false },
      restart: { type: "boolean", description: "Restart into it when it is written.", default: false },
    },
    ["allowDowngrade", "restart"],
  ),
  UpdateBack: object({ restart: { type: "boolean", description: "At once.", default: false } }, ["restart"]),
  LogLines: list({
    type: "object",
    description: "A line of the log, as pino writes it, with the cursor that it is known by.",
  }),
} as const;

export type SchemaName = keyof typeof SCHEMAS;

/** What requests may carry; these are compiled. */
export const BODIES = [
  "Apply",
  "Backup",
  "Decision",
  "Document",
  "Login",
  "NewCertificate",
  "NewKey",
  "OwnPassword",
  "Patch",
  "Ping",
  "Reset",
  "Setup",
  "StartCapture",
  "StationChange",
  "Throughput",
  "UpdateBack",
  "UpdateInstall",
  "UpdateUrl",
  "UserChange",
] as const satisfies readonly SchemaName[];
export type BodyName = (typeof BODIES)[number];
