// SPDX-License-Identifier: Apache-2.0
/**
 * JSON Schemas of what goes through the API: bodies are checked against them, the types of this folder are made of them
 * (scripts/generate.ts), answers are described by them (GET /api/v1/openapi.json), and tests compare real answers with them.
 */
import { EFFECTS } from "../config/schema.ts";
import { ERROR_CODES } from "../shared/errors.ts";
import { SCOPES } from "./access.ts";

/** Shortest password, characters: NIST SP 800-63B-4 for one that stands alone. */
export const MIN_PASSWORD = 12;

const text = (description: string, more: object = {}) => ({ type: "string", description, ...more });
const integer = (description: string, more: object = {}) => ({ type: "integer", description, ...more });
const number = (description: string) => ({ type: "number", description });
const flag = (description: string) => ({ type: "boolean", description });
const list = (items: object, description?: string) => ({ type: "array", items, ...(description && { description }) });
const nullable = (type: string, description: string) => ({ type: [type, "null"], description });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const orNull = (name: string, description: string) => ({ anyOf: [ref(name), { type: "null" }], description });
const choice = (values: readonly string[], description: string) => ({ enum: [...values], description });
const counts = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, integer("")]));

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
const UPDATE_STATE = choice(
  ["idle", "receiving", "checking", "ready", "installing", "ready-to-restart", "failed"],
  "ready: a bundle was received and is good. ready-to-restart: the other slot is started next.",
);

const LINK_COUNTERS = ["packets", "bytes", "errors", "dropped"].flatMap((what) => [`rx_${what}`, `tx_${what}`]);

const checkFields = {
  id: text("For programs; stable."),
  title: text("What was looked at."),
  state: choice(
    ["good", "warn", "bad", "unknown", "off"],
    "unknown: not looked at, or it cannot be. off: not wanted by the configuration.",
  ),
  measured: text("What was seen."),
  nextStep: nullable("string", "What to do, one sentence; null: nothing."),
};

const STATION_FIELDS = {
  address: text("Station address, six bytes written like a MAC address."),
  name: text(
    "The configured name, else the one that it told, or that it asked for an address with; empty when unknown.",
  ),
  blocked: flag("Whether the configuration cuts it off."),
  ip: nullable("string", "IPv4 address where known, else an IPv6 one, else null."),
  answers: nullable("boolean", "Whether it answers at its IPv4 address (ARP); null while that is not known."),
  state: text("up, stalled or down."),
  role: text("target: we send it commands. initiator: it sends us commands."),
  mode: text("get, symmetric or base: how packets for it get there."),
  features: list(text("")),
  device: text("SCSI device h:c:t:l (role target), else empty."),
  nexus: text("Initiator port name (role initiator), else empty."),
  inFlight: integer("Commands under way to it."),
  heldGets: integer("GET MESSAGE commands of it that we hold."),
  queued: integer("Packets that wait for it."),
  adapter: text(
    "Driver of the host adapter that leads to it (role target), or the fabric it comes by (role initiator).",
  ),
  packetsPerCommand: nullable(
    "number",
    "Packets for each SEND and GET over the last interval: what containers gain. Null while no command ended.",
  ),
  latency: orNull(
    "StationLatency",
    "Null where the driver measures none: it does for stations that we send commands to.",
  ),
  counters: ref("StationCounters"),
  driver: orNull(
    "DriverCounters",
    "Those that are not zero, as they were a few seconds ago. Null until they were read, and where they cannot be.",
  ),
  rates: ref("Rates"),
};

export const SCHEMAS = {
  Problem: object(
    {
      type: text("urn:scsigate:problem:<code>"),
      status: integer("The HTTP status."),
      title: text("What was wrong."),
      code: text("For programs; stable."),
      nextStep: text("What to do."),
      errors: list({ type: "object" }, "What is wrong where, as far as it can be told."),
    },
    ["errors"],
    { description: "RFC 9457 problem details." },
  ),
  Reason: object({
    code: choice(ERROR_CODES, "For programs; stable."),
    message: text("What happened."),
    nextStep: text("What to do, one sentence."),
  }),
  ConfigError: object(
    {
      path: text("Where, as a JSON Pointer: /segments/0/name. Empty for the document itself."),
      message: text("What is wrong."),
      nextStep: text("What to do."),
    },
    [],
    { description: "One thing wrong in the configuration." },
  ),
  Health: object({
    status: choice(["starting", "ok", "degraded"], ""),
    reasons: list(ref("Reason"), "Why it is not ok; empty when it is."),
  }),
  Version: object({ version: text("Of the software."), commit: text("Of its source.") }),
  LinkCounters: object(counts(LINK_COUNTERS), [], { description: "Of an interface, since it was created." }),
  StationCounters: object(
    { ...counts(LINK_COUNTERS), commands: integer("SCSI commands, SEND and GET together.") },
    [],
    {
      description: "Of a station, since it attached.",
    },
  ),
  Rates: object(
    {
      rx_packets: number(""),
      rx_bytes: number(""),
      tx_packets: number(""),
      tx_bytes: number(""),
    },
    [],
    { description: "Per second, over the last sampling interval of about one second." },
  ),
  DriverCounters: {
    type: "object",
    additionalProperties: { type: "number" },
    description:
      "The driver's own counters of a segment or a station, by their names in `ethtool -S`; docs/driver.md says what each counts.",
  },
  Percentiles: object(
    { count: integer("Commands that ended."), p50: number(""), p90: number(""), p99: number("") },
    [],
    {
      description:
        "How long commands took in the last few seconds, milliseconds. Upper bounds: the driver counts in powers of two.",
    },
  ),
  StationLatency: object({
    send: orNull("Percentiles", "Null while none ended."),
    get: orNull(
      "Percentiles",
      "A GET that waits for a packet takes up to the hold time: no fault. Null while none ended.",
    ),
  }),
  Temperature: object({ sensor: text("The kernel's name of it."), celsius: number("") }),
  LinkStatus: object({
    interface: nullable("string", "Name of the network interface; null while none was found."),
    mac: nullable("string", "Link-layer address."),
    mtu: integer("Bytes; 0 while the interface is absent."),
    carrier: flag("Whether it has a link."),
    addresses: list(text(""), "Address/prefix, IPv4 and IPv6, link-local ones left out."),
    counters: ref("LinkCounters"),
    rates: ref("Rates"),
  }),
  StationStatus: object(STATION_FIELDS),
  BusStatus: object(
    {
      serial: text("By which the configuration names it."),
      state: choice(
        ["starting", "working", "absent", "boot-loader", "wrong", "old", "silent", "unreachable"],
        "starting: nothing is known of it yet.",
      ),
      problem: orNull("Reason", "Why it does not work, and what to do; null when it does."),
      interface: nullable("string", "The kernel's name of its network interface; null while there is none."),
      firmware: nullable("string", "Of its software. This and what follows: null while it does not answer."),
      scsiId: nullable("integer", ""),
      uptimeSeconds: nullable("number", ""),
      counters: {
        anyOf: [{ type: "object", additionalProperties: { type: "number" } }, { type: "null" }],
        description: "Of the bus, as far as it takes part: by their names in firmware/messages.json.",
      },
      line: {
        type: "object",
        additionalProperties: { type: "number" },
        description: "What went wrong between the adapter and us, by kind, since the service started.",
      },
      offered: nullable("string", "Firmware that came with this gateway, where it is another one than the adapter's."),
      update: orNull("AdapterUpdate", "The last one since the service started."),
    },
    [],
    { description: "An adapter of ours that a segment's bus hangs on, as it says on its management port." },
  ),
  SegmentStatus: object({
    name: text(""),
    present: flag("Whether the segment's interface exists."),
    address: nullable("string", "Our station address; null while the interface is absent."),
    ips: list(text("")),
    mtu: integer("Bytes."),
    mode: text("idle, hub, station, mixed, or unknown while the interface is absent."),
    carrier: flag(""),
    fabric: text("What exports it: iscsi, qla2xxx, srpt, sbp, adapter, loop or none."),
    counters: ref("LinkCounters"),
    rates: ref("Rates"),
    driver: orNull("DriverCounters", "Null until it was read, and where it cannot be."),
    packetsPerCommand: nullable(
      "number",
      "Packets for each message over the last few seconds. Null while there was none.",
    ),
    bus: orNull("BusStatus", "Null but with the fabric adapter."),
    stations: list(ref("StationStatus")),
  }),
  MqttStatus: object({
    enabled: flag(""),
    connected: flag(""),
    url: nullable("string", "Broker without credentials, or null when disabled."),
    error: nullable("string", "Why the last attempt failed, or null."),
    eventsWaiting: integer("Events that are kept until the broker has them."),
    eventsLost: integer("Events that did not fit since the broker was last there, and were dropped."),
  }),
  UpdateStatus: object(
    {
      version: nullable("string", "Of the image that runs; null on a machine without, where updates are not possible."),
      state: UPDATE_STATE,
      percent: nullable("number", "While it is installed."),
      latestVersion: nullable(
        "string",
        "Of a bundle that could be installed, or is and waits for the restart; null: what runs is the latest that is known.",
      ),
    },
    [],
    { description: "The image's update in short; see GET /api/v1/update." },
  ),
  MeshNeighbour: object(
    {
      address: text("Link-local IPv6 address."),
      interface: text(""),
      peer: nullable("string", "Address in mesh.peers; null for one on this LAN."),
      metric: integer("Cost of the way to it."),
      routes: integer("How many routes it told."),
    },
    [],
    { description: "Another gateway that we exchange routes with." },
  ),
  MeshRoute: object(
    {
      destination: text("Address/prefix, IPv4 or IPv6."),
      via: text(""),
      interface: text(""),
      metric: integer(""),
    },
    [],
    { description: "A segment of another gateway." },
  ),
  MeshStatus: object({
    running: flag("Whether BIRD answers."),
    neighbours: list(ref("MeshNeighbour")),
    routes: list(ref("MeshRoute")),
    peers: list(object({ address: text(""), reached: flag("") }), "Those of mesh.peers."),
    clashes: list(
      object({ segment: text(""), destination: text(""), via: text("") }),
      "Subnets of ours that another gateway announces as its own.",
    ),
  }),
  EncryptedPeer: object(
    {
      address: text("As in encryption.peers."),
      lastHandshake: nullable(
        "integer",
        "Milliseconds since 1970 by the gateway's clock; null: never since it was set up.",
      ),
      state: choice(
        ["good", "waiting", "silent", "own-key"],
        "waiting: it was set up a moment ago. silent: no handshake, or none any more. own-key: what is set as its public key is ours.",
      ),
    },
    [],
    { description: "A gateway whose tunnels are encrypted." },
  ),
  EncryptionStatus: object({
    publicKey: nullable("string", "Ours, for the settings of other gateways; null until it is known."),
    port: integer("UDP port that it listens on, where it has gateways to talk to."),
    peers: list(ref("EncryptedPeer"), "Those that a tunnel leads to."),
  }),
  Status: object(
    {
      id: text(
        "Twelve hexadecimal digits; names this gateway in MQTT topics. Empty until it is known, shortly after start.",
      ),
      hostname: text(""),
      localUrl: nullable(
        "string",
        "The page by the name that the LAN finds (mDNS), https://gateway.local/; null: by none, or not yet.",
      ),
      version: text(""),
      time: MOMENT,
      timeZone: text("IANA name of the zone that people want times in."),
      uptimeSeconds: integer("Of the machine."),
      readyAfterSeconds: nullable(
        "number",
        "How long after its start the machine forwarded for the first time; null while it does not.",
      ),
      bootTime: integer(
        "When the machine started, milliseconds since 1970 by the gateway's clock; moves when the clock is set.",
      ),
      temperatures: list(ref("Temperature")),
      dataFreeBytes: nullable("integer", "Room on the data partition; null while unknown."),
      serviceUptimeSeconds: integer("Of the service process."),
      mode: text("As in the configuration."),
      pressed: flag("Whether somebody has pressed the gateway's button within the last minute, so that it is found."),
      health: ref("Health"),
      lan: ref("LinkStatus"),
      storage: orNull("LinkStatus", "The second Ethernet that carries iSCSI, or null when there is none."),
      segments: list(ref("SegmentStatus")),
      mesh: orNull("MeshStatus", "Other gateways. Null but in mode mesh with a key."),
      encryption: orNull("EncryptionStatus", "Of tunnels between gateways. Null where there can be none."),
      mqtt: ref("MqttStatus"),
      update: ref("UpdateStatus"),
      config: object({
        valid: flag(""),
        source: choice(
          ["file", "history", "defaults"],
          "history: the document is lost or damaged, and the last good version is used.",
        ),
        errors: list(ref("ConfigError")),
      }),
    },
    [],
    { description: "The state of the gateway, its segments and stations; counters carry the kernel's names." },
  ),
  Peer: object({ segment: text("That it is on."), ...STATION_FIELDS }, [], { description: "A station." }),
  Peers: list(ref("Peer")),
  Adapter: object(
    {
      fabric: choice(["iscsi", "loop", "qla2xxx", "sbp", "srpt", "adapter"], "As in segments.N.fabric.type."),
      port: nullable(
        "string",
        "As in segments.N.fabric.port; of iSCSI a portal, of an adapter its serial number. Null where there is none, or it cannot be read.",
      ),
      device: nullable("string", "The kernel's name; null where there is none."),
      link: choice(["up", "down", "unknown"], ""),
      state: choice(["exported", "usable", "unusable"], ""),
      exports: list(ref("AdapterExport")),
      problem: orNull("Reason", "What keeps it from being used."),
    },
    [],
    { description: "Something that can export a segment, or could if its problem were solved." },
  ),
  AdapterExport: object({ segment: text(""), target: text("Name in configfs."), enabled: flag("") }, [], {
    description: "A target that leads to a segment.",
  }),
  Adapters: list(ref("Adapter")),
  Station: object(
    {
      segment: text(""),
      address: text("Station address; of one that was never here, the initiator that its settings go by."),
      initiator: nullable("string", "Name that its settings go by. Null: they go by its address."),
      provenInitiator: nullable("string", "Name that they could go by. Null: nothing proves one."),
      name: text("The configured one, else the one that it told."),
      configuredName: nullable("string", "Null: none."),
      access: STATION_ACCESS,
      reservedIp: nullable("string", "The IPv4 address that is kept for it."),
      lease: orNull("StationLease", "Null without one, and where the gateway gives out no addresses."),
      ips: list(text(""), "All addresses that it was seen with, IPv4 first."),
      live: orNull("StationStatus", "Null while it is not there."),
    },
    [],
    { description: "A station: what the driver says of it, and what the configuration does." },
  ),
  StationLease: object({ ip: text(""), expires: nullable("integer", "Milliseconds since 1970; null: never.") }),
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
      initiator: {
        description: "Name that its settings go by from now on: its provenInitiator. Null: they go by its address.",
        type: ["string", "null"],
        maxLength: 223,
      },
    },
    ["name", "reservedIp", "access", "initiator"],
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
  CurrentCapture: object({ capture: orNull("Capture", "Null: none.") }),
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
      effects: list({ enum: Object.keys(EFFECTS) }, "What it disturbs; empty: nothing."),
    },
    ["before", "after"],
  ),
  Plan: object({
    changes: list(ref("Change")),
    effects: list(ref("EffectNote")),
    operations: list(
      { type: "object", required: ["kind"], properties: { kind: text("") }, additionalProperties: true },
      "What would be done that is not done now.",
    ),
  }),
  EffectNote: object({ effect: { enum: Object.keys(EFFECTS) }, what: text("In words.") }),
  Transaction: object({
    id: text(""),
    state: choice(["applying", "waiting", "confirmed", "rolled-back"], ""),
    changes: list(ref("Change")),
    secondsLeft: integer("Until it is rolled back by itself."),
    secondsAgo: nullable("integer", "Since it was confirmed or rolled back; null: it waits."),
    reason: nullable("string", "Why it was rolled back."),
    problems: list(ref("Reason")),
  }),
  CurrentTransaction: object({ transaction: orNull("Transaction", "Null: none since the start.") }),
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
    state: choice(["good", "warn", "bad"], "The worst of all checks; unknown and off do not count."),
    checks: list(ref("DiagnosisCheck"), "From the adapter to the LAN, in the order of a packet's way."),
  }),
  Check: object(checkFields),
  DiagnosisCheck: object({ ...checkFields, segment: nullable("string", "Null: the gateway as a whole.") }),
  ConnectionTest: object({ ok: flag(""), checks: list(ref("Check"), "As far as it came.") }),
  Telemetry: object({
    mqtt: ref("MqttStatus"),
    homeAssistant: object({
      enabled: { type: "boolean" },
      topic: nullable("string", "Where the device is announced."),
      announced: { type: "boolean" },
    }),
    syslog: object({ enabled: { type: "boolean" }, problem: orNull("Reason", "Null: none.") }),
    messages: list(ref("SentMessage"), "Newest first."),
  }),
  SentMessage: object({
    time: MOMENT,
    topic: text(""),
    payload: text("Its beginning, 2000 characters at most."),
    bytes: integer("Of the whole."),
    qos: { enum: [0, 1] },
    retain: { type: "boolean" },
  }),
  Network: object({
    routes: list(ref("Route")),
    leases: list(ref("Lease")),
    nameServers: list({ type: "string" }, "That the gateway itself asks."),
  }),
  Route: object({
    destination: text("default, an address, or address/prefix."),
    interface: text(""),
    gateway: nullable("string", "Null: directly connected."),
  }),
  Lease: object({
    segment: text(""),
    address: text("Station address."),
    ip: text(""),
    name: text("Empty where the host told none."),
    expires: nullable("integer", "Seconds since 1970; null: never."),
  }),
  Suggestion: object({
    setting: text("Place in the document, with N for places in lists."),
    fabric: nullable("string", "Only where the segment has this fabric; null: always."),
    value: text(""),
    about: text("What it is, in the machine's words."),
  }),
  Suggestions: list(ref("Suggestion")),
  RuleHits: object({
    name: text("Of a rule in firewall.rules."),
    packets: integer("That matched it since the rules were loaded: each change of the firewall begins anew."),
    bytes: integer(""),
  }),
  FirewallHits: list(ref("RuleHits")),
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
    problem: orNull("Reason", "Null unless it failed."),
  }),
  Image: object({
    board: text(""),
    compatible: text("A bundle must have the same word."),
    running: ref("Slot"),
    other: ref("Slot"),
    waitingFor: list(
      ref("Reason"),
      "What keeps the running image from being confirmed; empty when nothing does, or it is.",
    ),
  }),
  UpdateProgress: object({
    bytes: nullable("integer", "That are there; null while it is installed."),
    totalBytes: nullable("integer", "Null while it is unknown."),
    percent: nullable("integer", "0 to 100; null while it is unknown."),
    step: text("What is done."),
  }),
  Bundle: object({
    source: text("File, or URL without its password."),
    version: text(""),
    description: text(""),
    build: text(""),
    downgrade: orNull("Reason", "Why it has to be allowed knowingly: it is not newer than what runs."),
  }),
  LastUpdate: object({
    kind: { enum: ["update", "back"] },
    result: choice(
      ["installing", "installed", "confirmed", "failed", "fell-back"],
      "fell-back: it did not start; the image before it runs again.",
    ),
    time: text("ISO 8601."),
    from: object({ slot: SLOT, version: nullable("string", "") }),
    to: object({ slot: SLOT, version: nullable("string", "") }),
    problem: orNull("Reason", "Null: none."),
  }),
  Update: object({
    image: orNull("Image", "Null: this machine does not run the image, and is updated in another way."),
    state: UPDATE_STATE,
    progress: orNull("UpdateProgress", "Null while nothing is under way."),
    bundle: orNull("Bundle", "What could be installed."),
    problem: orNull("Reason", "Why it failed, or that there is no image."),
    last: orNull("LastUpdate", "The last update, or going back."),
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
