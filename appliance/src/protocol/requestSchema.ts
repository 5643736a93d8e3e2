// SPDX-License-Identifier: Apache-2.0
/**
 * JSON Schema of the requests: the executor accepts nothing else. Compiled at build time (scripts/generate.ts), to a validator
 * and to the types of operations.ts and messages.ts.
 */
import { PUBLIC_KEY_PATTERN } from "../shared/publicKey.ts";
import { SLOTS } from "./messages.ts";
import { INTERFACE_SYSCTLS, MODULES, PORT_FABRICS, SYSCTLS } from "./operations.ts";

/** A name that is also safe as a file name: no slash, no leading dot or hyphen. */
const NAME = { type: "string", pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$" };
const SEGMENT = { type: "string", pattern: "^[a-z][a-z0-9]{0,11}$" };
const GROUP = { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$" };
const HOSTNAME = { type: "string", pattern: "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$" };
const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4_PATTERN = `(${OCTET}\\.){3}${OCTET}`;
const IPV4 = { type: "string", pattern: `^${IPV4_PATTERN}$` };
const IPV4_INTERFACE = { type: "string", pattern: `^${IPV4_PATTERN}/(3[0-2]|[12][0-9]|[89])$` };
const IPV6_64 = { type: "string", pattern: "^[0-9a-f:]{2,39}/64$" };
/** A whole prefix, or the part of one that mode proxy gives to a segment. */
const IPV6 = { type: "string", pattern: "^[0-9a-f:]{2,39}/(64|122)$" };
const ADDRESS = { type: "string", pattern: `^(${IPV4_PATTERN}|[0-9a-f:]{2,39})$` };
const NETWORK = { type: "string", pattern: `^(${IPV4_PATTERN}/(3[0-2]|[12]?[0-9])|[0-9a-f:]{2,39}/[0-9]{1,3})$` };
const DOMAIN = { type: "string", maxLength: 253, pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$" };
const PORTAL = { type: "string", pattern: `^${IPV4_PATTERN}:[1-9][0-9]{0,4}$` };
const STATION = { type: "string", pattern: "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" };
const NAA = { type: "string", pattern: "^naa\\.[0-9a-f]{16}$" };
/**
 * As in the configuration's schema: what it allows has neither slash nor white space, and does not start with a dot.
 */
const ISCSI_NAME = { type: "string", maxLength: 223, pattern: "^(iqn|eui|naa)\\.[a-z0-9][a-z0-9.:_-]*$" };

/** The target core takes a value that starts with NULL for none. */
const CHAP_NAME = { type: "string", pattern: "^(?!NULL)[A-Za-z0-9][A-Za-z0-9.:_-]{0,63}$" };
const CHAP_PASSWORD = { type: "string", pattern: "^(?!NULL)[!-~]{12,64}$" };
/** A Fibre Channel port name, a FireWire GUID, or a GID. */
const PORT_NAME = { type: "string", pattern: "^([0-9a-f]{2}(:[0-9a-f]{2}){7}|[0-9a-f]{16}|0x[0-9a-f]{32})$" };

const ID = { type: "integer", minimum: 0 };
/** Parts without dots: no way out of the zones' folder. */
const ZONE = { type: "string", maxLength: 64, pattern: "^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$" };

/** Of a file in the service's folder: no slash, no leading dot. */
const BUNDLE_NAME = { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,30}\\.raucb$" };
const PORT = { type: "integer", minimum: 1, maximum: 65535 };
/** A line of authorized_keys without options: no line break, and nothing before the key's type. */
const SSH_KEY = {
  type: "string",
  maxLength: 2200,
  pattern: "^(ssh|ecdsa|sk)-[a-z0-9@.-]{3,60} [A-Za-z0-9+/]{40,2000}={0,2}( [ -~]{0,128})?$",
};

/** It is compared with labels, and is no part of a path. */
const GPIO_CHIP = { type: "string", maxLength: 64, pattern: "^[!-~]+( [!-~]+)*$" };
const GPIO_OFFSET = { type: "integer", minimum: 0, maximum: 1023 };

/** Of the software. */
const VERSION = { type: "string", pattern: "^[A-Za-z0-9.+~-]{1,64}$" };
/** Stands between double quotes in snmpd's configuration. */
const COMMUNITY = { type: "string", pattern: "^[!#-&(-\\[\\]-~]{6,64}$" };
/** The rest of a line of snmpd's configuration. */
const SNMP_TEXT = { type: "string", maxLength: 128, pattern: "^([!-~]([ -~]*[!-~])?)?$" };

const NAMES = { type: "array", maxItems: 20, items: NAME };
/** See tunnelName(). */
const TUNNEL = { type: "string", pattern: "^mesh[0-9a-f]{8}$" };
/** Stands between double quotes in BIRD's configuration, which knows no escapes. */
const MESH_KEY = { type: "string", pattern: "^[!#-~]{16,64}$" };
const ADDRESSES = { type: "array", maxItems: 16, items: IPV4 };
const PUBLIC_KEY = { type: "string", pattern: PUBLIC_KEY_PATTERN };
/** Bytes, of what is in a tunnel or encrypted. */
const INNER_MTU = { type: "integer", minimum: 1280, maximum: 9000 };
const PORTS = { type: "array", maxItems: 64, items: PORT };
/** Number of a DHCP option. */
const OPTION = { type: "integer", minimum: 2, maximum: 254 };
/** Stands between double quotes in dnsmasq's configuration. */
const BOOT_FILE = { type: "string", maxLength: 127, pattern: "^[A-Za-z0-9/][A-Za-z0-9/_.:?&=%+@~-]*$" };
const PORT_RANGE = { type: "string", pattern: "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$" };
const RANGES = {
  type: "array",
  maxItems: 32,
  items: {
    type: "string",
    pattern: `^(${IPV4_PATTERN}(/(3[0-2]|[12]?[0-9]))?|[0-9a-f:]{2,39}(/[0-9]{1,3})?)$`,
  },
};

function record(properties: Record<string, unknown>, optional: string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, required, properties };
}

function of(description: string, schema: object) {
  return { ...schema, description };
}

function operation(kind: string, properties: Record<string, unknown>, optional: string[] = []) {
  return record({ kind: { const: kind }, ...properties }, optional);
}

const RULES = {
  type: "array",
  maxItems: 128,
  items: record(
    {
      name: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,47}$" },
      action: { enum: ["accept", "drop", "reject"] },
      from: of("None: all.", NAMES),
      to: of("Absent: for what goes to the gateway itself; else for what is forwarded to these interfaces.", NAMES),
      protocol: { enum: ["any", "tcp", "udp", "icmp"] },
      ports: { type: "array", maxItems: 16, items: PORT_RANGE },
      sources: RANGES,
      destinations: RANGES,
    },
    ["to"],
  ),
};

const OPERATIONS = [
  operation("modules", { names: { type: "array", maxItems: 16, items: { enum: [...MODULES] } } }),
  operation("configfs", {}),
  operation("hostname", { name: HOSTNAME }),
  operation("timeZone", { zone: of("Name of a file below /usr/share/zoneinfo.", ZONE) }),
  operation("timeKeeper", {
    servers: of("Names or addresses; none: those of the LAN's DHCP server, and a public pool.", {
      type: "array",
      maxItems: 8,
      items: { type: "string", pattern: "^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$" },
    }),
    clients: of("Subnets whose hosts are served.", {
      type: "array",
      maxItems: 32,
      items: { anyOf: [IPV4_INTERFACE, IPV6] },
    }),
  }),
  operation("ssh", {
    enabled: { type: "boolean" },
    port: PORT,
    keys: of("Public keys, each a line as ssh-keygen writes it.", { type: "array", maxItems: 16, items: SSH_KEY }),
  }),
  operation("mdns", {
    hostname: HOSTNAME,
    interfaces: of("Where it answers; none: it does not run.", NAMES),
    ports: of("The page's.", record({ http: PORT, https: PORT })),
    id: of("What tells this gateway from others: twelve hexadecimal digits.", {
      type: "string",
      pattern: "^[0-9a-f]{12}$",
    }),
    version: VERSION,
  }),
  operation(
    "lldp",
    {
      port: of("The Ethernet that it is said on; absent: it does not run.", NAME),
      face: of("What has the address that is told.", NAME),
      hostname: HOSTNAME,
      version: VERSION,
    },
    ["port"],
  ),
  operation(
    "snmp",
    {
      community: of("Absent: it does not run.", COMMUNITY),
      location: SNMP_TEXT,
      contact: SNMP_TEXT,
      hostname: HOSTNAME,
      version: VERSION,
    },
    ["community"],
  ),
  operation(
    "link",
    {
      name: NAME,
      create: {
        type: "object",
        additionalProperties: false,
        required: ["kind", "address"],
        properties: { kind: { const: "ipscsi" }, address: STATION },
      },
    },
    ["create"],
  ),
  operation("adapter", {
    segment: SEGMENT,
    serial: of("Its USB serial number.", { type: "string", pattern: "^[0-9A-F]{16}$" }),
  }),
  operation("address", { interface: NAME, address: IPV4_INTERFACE }),
  operation("address6", { interface: NAME, address: of("None: what we gave is taken away.", IPV6) }, ["address"]),
  operation("proxyNeighbours", {
    interface: NAME,
    parts: of("Of the gateway in each part of the LAN's prefix.", {
      type: "array",
      maxItems: 16,
      items: { type: "string", pattern: "^[0-9a-f:]{2,39}/122$" },
    }),
  }),
  operation(
    "route",
    { interface: NAME, gateway: of("Next router; absent: the one that an earlier configuration had goes.", IPV4) },
    ["gateway"],
  ),
  operation("staticRoutes", {
    routes: {
      type: "array",
      maxItems: 64,
      items: record({
        destination: NETWORK,
        via: ADDRESS,
        interface: NAME,
        metric: { type: "integer", minimum: 1, maximum: 9999 },
      }),
    },
  }),
  operation("nameServers", { servers: { type: "array", maxItems: 3, items: ADDRESS } }),
  operation("resolver", { interface: NAME, servers: { type: "array", maxItems: 3, items: IPV4 } }),
  operation("sysctl", { name: { enum: [...SYSCTLS] }, value: { type: "integer", minimum: 0, maximum: 1048576 } }),
  operation("interfaceSysctl", {
    interface: NAME,
    name: { enum: [...INTERFACE_SYSCTLS] },
    value: { type: "integer", minimum: 0, maximum: 2 },
  }),
  operation(
    "firewall",
    {
      lan: NAMES,
      storage: NAMES,
      segments: of("Interfaces that have the segments' addresses, with their subnets, as far as they have one.", {
        type: "array",
        maxItems: 16,
        items: record(
          {
            name: NAME,
            subnet: IPV4_INTERFACE,
            prefix6: IPV6,
            routed: of("Networks behind routers that are stations.", { type: "array", maxItems: 64, items: NETWORK }),
          },
          ["subnet", "prefix6"],
        ),
      }),
      management: record({ interfaces: NAMES, sources: RANGES, ports: of("TCP.", PORTS), udpPorts: PORTS }),
      mdns: of("Interfaces on which the gateway's name is asked for (mDNS).", NAMES),
      fabric: of("Ports of iSCSI targets, and where hosts reach them.", record({ interfaces: NAMES, ports: PORTS })),
      antiSpoofing: { type: "boolean" },
      newConnectionsPerSecond: { type: "integer", minimum: 1, maximum: 10000 },
      connectionsPerAddress: of("TCP, to the gateway itself, at a time.", {
        type: "integer",
        minimum: 10,
        maximum: 10000,
      }),
      isolateSegments: { type: "boolean" },
      nat: of("Segments go out under the gateway's address, and nobody on the LAN opens a connection to them.", {
        type: "boolean",
      }),
      timeServer: of("Segments' hosts may ask for the time.", { type: "boolean" }),
      only: of("On a host: what is filtered; its other interfaces are let alone. Absent: all of them.", {
        type: "array",
        maxItems: 40,
        items: NAME,
      }),
      mesh: of(
        "Where gateways find each other: the LAN, and tunnels to those elsewhere, with their other ends.",
        record({ lan: NAMES, tunnels: NAMES, peers: ADDRESSES }),
      ),
      vxlanPeers: of("Gateways that segments are shared with, by VXLAN.", {
        type: "array",
        maxItems: 256,
        items: IPV4,
      }),
      encrypted: of(
        "Gateways that tunnels lead to through WireGuard alone, and the UDP port for that.",
        record({ port: PORT, peers: { type: "array", minItems: 1, maxItems: 32, items: IPV4 } }),
      ),
      portForwards: {
        type: "array",
        maxItems: 64,
        items: record({ protocol: { enum: ["tcp", "udp"] }, port: PORT, to: IPV4, toPort: PORT }),
      },
      rules: RULES,
      bridge: of(
        "Mode bridge: what passes between ports of the bridge, and from them to the gateway itself, is filtered there.",
        record({
          lan: NAMES,
          segments: NAMES,
          management: record({ lan: { type: "boolean" }, segments: { type: "boolean" } }),
          rules: RULES,
        }),
      ),
    },
    ["only", "bridge", "encrypted"],
  ),
  operation("vlan", { id: { type: "integer", minimum: 1, maximum: 4094 }, port: of("With the cable.", NAME) }),
  operation("bridge", {
    address: of("Link-layer address: the port's, so that the LAN's DHCP server knows it again.", STATION),
    port: NAME,
  }),
  operation("bridgePort", { port: SEGMENT }),
  operation("extension", {
    segment: SEGMENT,
    address: of("Link-layer address of the bridge: the segment's.", STATION),
    vni: { type: "integer", minimum: 1, maximum: 16777215 },
    peers: of("All the other gateways.", ADDRESSES),
  }),
  operation(
    "wireguard",
    {
      port: PORT,
      mtu: INNER_MTU,
      source: of("Our own address, by which the others know us; absent while there is none.", IPV4),
      peers: {
        type: "array",
        maxItems: 32,
        items: record({ address: IPV4, publicKey: PUBLIC_KEY, port: PORT }),
      },
    },
    ["source"],
  ),
  operation(
    "tunnel",
    {
      name: of("See tunnelName().", TUNNEL),
      remote: IPV4,
      address: of("Ours in it, link-local.", { type: "string", pattern: "^fe80::[0-9a-f:]{1,19}/64$" }),
      mtu: of("Where it is encrypted; absent: what the network to the other end takes.", INNER_MTU),
    },
    ["mtu"],
  ),
  operation("mesh", {
    routerId: of("Four bytes, other than those of all other gateways, written like an IPv4 address.", IPV4),
    key: MESH_KEY,
    lan: of("Interfaces to speak on.", NAMES),
    tunnels: { type: "array", maxItems: 16, items: TUNNEL },
    segments: of("What is announced.", {
      type: "array",
      maxItems: 16,
      items: record({ interface: NAME, subnet: IPV4_INTERFACE, prefix6: IPV6_64 }, ["prefix6"]),
    }),
    reserved: of("Subnets, of IPv6 /64, of which nobody else may announce a part.", {
      type: "array",
      maxItems: 32,
      items: { anyOf: [IPV4_INTERFACE, IPV6_64] },
    }),
    peers: of("Addresses of gateways behind tunnels: nobody may announce a way to them.", ADDRESSES),
    accept: of("Networks that may be announced to us beside private ones.", {
      type: "array",
      maxItems: 32,
      items: { type: "string", pattern: `^(${IPV4_PATTERN}/(3[0-2]|[12][0-9]|[89])|[0-9a-f:]{2,39}/[0-9]{2,3})$` },
    }),
  }),
  operation("claim", { interfaces: { type: "array", maxItems: 96, uniqueItems: true, items: NAME } }),
  operation("noFirewall", {}),
  operation("noAddress", { interface: NAME }),
  operation("prune", {
    segments: { type: "array", maxItems: 16, items: SEGMENT },
    addressed: of("Interfaces with an address that is ours to give.", NAMES),
    served: of("Segments with a DHCP and DNS server.", { type: "array", maxItems: 16, items: SEGMENT }),
    targets: of("By their names in configfs.", {
      type: "array",
      maxItems: 16,
      items: { anyOf: [ISCSI_NAME, PORT_NAME] },
    }),
    bridge: { type: "boolean" },
    extended: of("Segments that span gateways.", { type: "array", maxItems: 16, items: SEGMENT }),
    tunnels: { type: "array", maxItems: 16, items: TUNNEL },
    mesh: { type: "boolean" },
    encrypted: of("Whether tunnels go through WireGuard.", { type: "boolean" }),
    proxied: of("Interfaces that answer neighbour discovery for hosts behind others.", NAMES),
    vlans: of("Names by lanVlan().", NAMES),
    driverDisk: of("Whether a target has the driver disk.", { type: "boolean" }),
  }),
  operation("dhcpClient", {
    interface: NAME,
    running: { type: "boolean" },
    hostname: HOSTNAME,
    defaultRoute: of("Whether the lease's router and name servers are used.", { type: "boolean" }),
  }),
  operation(
    "dnsmasq",
    {
      segment: SEGMENT,
      interface: of("What has the segment's address, where that is another one.", NAME),
      mtu: of("Largest packet that hosts are told to send, bytes.", { type: "integer", minimum: 1280, maximum: 8950 }),
      running: { type: "boolean" },
      address: of("The gateway's own on the segment.", IPV4_INTERFACE),
      prefix6: of("A /64 to advertise, or a /122 to give addresses of, where there is IPv6.", IPV6),
      range: of("First and last address to give out.", {
        type: "array",
        minItems: 2,
        maxItems: 2,
        items: [IPV4, IPV4],
      }),
      leaseSeconds: { type: "integer", minimum: 120, maximum: 2592000 },
      hostname: of("The gateway's own name.", HOSTNAME),
      timeServer: of("Whether the gateway is their time server.", { type: "boolean" }),
      hosts: of("Stations with an address or a name of their own.", {
        type: "array",
        maxItems: 63,
        items: record({ address: of("Absent: of one that was never seen.", STATION), ipv4: IPV4, name: HOSTNAME }, [
          "address",
          "ipv4",
          "name",
        ]),
      }),
      boot: of(
        "For hosts that boot from the net; of those that say they boot by UEFI, another file perhaps.",
        record({ server: IPV4, file: BOOT_FILE, uefiFile: BOOT_FILE }, ["uefiFile"]),
      ),
      options: of("Further DHCP options. Address lists are told apart: for some options, dnsmasq takes nothing else.", {
        type: "array",
        maxItems: 16,
        items: {
          oneOf: [
            record({ number: OPTION, addresses: { ...ADDRESSES, minItems: 1, maxItems: 64 } }),
            record({
              number: OPTION,
              bytes: {
                type: "array",
                minItems: 1,
                maxItems: 255,
                items: { type: "integer", minimum: 0, maximum: 255 },
              },
            }),
          ],
        },
      }),
      dns: of(
        "Servers to ask in the place of the LAN's, and names to answer to.",
        record({
          servers: { type: "array", maxItems: 3, items: ADDRESS },
          records: { type: "array", maxItems: 256, items: record({ name: DOMAIN, address: ADDRESS }) },
        }),
      ),
    },
    ["interface", "mtu", "prefix6", "hosts", "boot", "options", "dns"],
  ),
  operation("stationFilter", {
    segment: SEGMENT,
    blocked: of("Station addresses.", { type: "array", maxItems: 63, items: STATION }),
  }),
  operation("renewal", {
    segment: SEGMENT,
    from: of("Where the segment's hosts have their addresses from.", { type: "string", minLength: 1, maxLength: 64 }),
  }),
  operation("backstore", { segment: SEGMENT }),
  operation("driverDisk", {
    serial: of("What tells this gateway's disk from that of another one.", {
      type: "string",
      pattern: "^[0-9a-f]{12}$",
    }),
  }),
  operation(
    "iscsiTarget",
    {
      segment: SEGMENT,
      target: ISCSI_NAME,
      portals: { type: "array", minItems: 1, maxItems: 16, items: PORTAL },
      initiators: of("Who is admitted.", { type: "array", maxItems: 63, items: ISCSI_NAME }),
      chap: of(
        "What hosts must prove at login; absent: nothing.",
        record(
          {
            user: CHAP_NAME,
            password: CHAP_PASSWORD,
            gateway: of("What the gateway proves to hosts.", record({ user: CHAP_NAME, password: CHAP_PASSWORD })),
          },
          ["gateway"],
        ),
      ),
      driverDisk: of("Whether LUN 1 is the driver disk, where there is one.", { type: "boolean" }),
    },
    ["chap"],
  ),
  operation("portTarget", {
    fabric: { enum: [...PORT_FABRICS] },
    segment: SEGMENT,
    port: of("The port's name as configfs has it.", PORT_NAME),
    initiators: of("Who is admitted; of no effect when it is open.", { type: "array", maxItems: 63, items: PORT_NAME }),
    open: of("Every initiator is admitted.", { type: "boolean" }),
    driverDisk: of("Whether LUN 1 is the driver disk, where there is one.", { type: "boolean" }),
  }),
  operation("loopTarget", { segment: SEGMENT, target: NAA, initiator: NAA }),
];

/** A line of a file that people read: no control characters. */
const LINE = { type: "string", maxLength: 1000, pattern: "^[^\\u0000-\\u001f\\u007f]*$" };
const BOOT_CHANGE = {
  type: "object",
  required: ["kind"],
  discriminator: { propertyName: "kind" },
  oneOf: [
    // The setup token, or that there is none any more.
    record({
      kind: { const: "token" },
      token: { type: ["string", "null"], maxLength: 64, pattern: "^[a-z0-9-]+$" },
    }),
    // scsigate.json was taken over: it goes. What of it, in words.
    record({ kind: { const: "taken" }, what: { type: "array", maxItems: 64, items: LINE } }),
    // scsigate.json was not taken over.
    record({
      kind: { const: "refused" },
      errors: { type: "array", maxItems: 100, items: record({ path: LINE, message: LINE, nextStep: LINE }) },
    }),
    // The users were forgotten, as it was asked for at the start.
    record({ kind: { const: "recovered" } }),
  ],
};

/** A request with nothing more than its number, which the reply carries. */
function question(type: string) {
  return record({ type: { const: type }, id: ID });
}

const PLAN = record({
  groups: {
    type: "array",
    maxItems: 96,
    items: record(
      {
        name: of("For people: lan, seg0, ...", GROUP),
        needs: of("Earlier groups; when one of them failed, this one is skipped.", {
          type: "array",
          maxItems: 4,
          items: GROUP,
        }),
        operations: {
          type: "array",
          maxItems: 64,
          items: {
            type: "object",
            required: ["kind"],
            discriminator: { propertyName: "kind" },
            oneOf: OPERATIONS,
          },
        },
      },
      ["needs"],
    ),
  },
});

export const requestSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "https://scsigate.org/schema/request.json",
  type: "object",
  required: ["type"],
  discriminator: { propertyName: "type" },
  oneOf: [
    // Carry out a plan.
    record({ type: { const: "apply" }, id: ID, plan: PLAN }),
    // The service answers HTTP: its restart back-off starts anew.
    record({ type: { const: "ready" } }),
    // The service's event loop turns; said every ALIVE_INTERVAL_MS.
    record({ type: { const: "alive" } }),
    // Read the driver's latency classes.
    question("latency"),
    // Ask BIRD what it knows.
    question("mesh"),
    // Say our public key, and when gateways were last heard by WireGuard.
    question("wireguard"),
    // Restart the machine.
    question("reboot"),
    // Say what people have put on the boot partition, after a change of it where one is given.
    record({ type: { const: "boot" }, id: ID, change: BOOT_CHANGE }, ["change"]),
    // Remove what the owner has left outside of the service's folder.
    question("forget"),
    // Say what the machine is like, for whoever helps.
    question("inspect"),
    // Give the service these lines of GPIO chips, and take others back.
    record({
      type: { const: "gpio" },
      id: ID,
      lines: { type: "array", maxItems: 8, items: record({ chip: GPIO_CHIP, offset: GPIO_OFFSET }) },
    }),
    // Say what the firewall's rules have counted.
    question("firewallCounters"),
    // Send echo requests.
    record({
      type: { const: "ping" },
      id: ID,
      ip: { type: "string", pattern: `^(${IPV4_PATTERN}|[0-9a-f:]{2,39})$` },
      count: { type: "integer", minimum: 1, maximum: 20 },
    }),
    // Record a station's packets. One capture at a time; data comes as it is recorded.
    record({
      type: { const: "capture" },
      id: ID,
      segment: SEGMENT,
      address: STATION,
      seconds: { type: "integer", minimum: 1, maximum: 60 },
      maxBytes: of("Longest recording, bytes.", { type: "integer", minimum: 1024, maximum: 8 * 1024 * 1024 }),
    }),
    // End the capture that runs.
    record({ type: { const: "stopCapture" } }),
    // Say which slot runs, and what the boot loader does next.
    question("image"),
    // Take over an update bundle that the service has received, and say what it is.
    record({ type: { const: "takeBundle" }, id: ID, name: BUNDLE_NAME }),
    // Write the bundle that was taken over to the slot that does not run.
    question("installBundle"),
    // Remove the bundle that was taken over.
    question("dropBundle"),
    // The slot that runs does its job.
    question("confirmSlot"),
    // Start this slot from now on.
    record({ type: { const: "selectSlot" }, id: ID, slot: { enum: [...SLOTS] } }),
  ],
};
