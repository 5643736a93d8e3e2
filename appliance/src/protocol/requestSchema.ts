// SPDX-License-Identifier: Apache-2.0
/** JSON Schema of the requests: the executor accepts nothing else. Compiled at build time (scripts/generate.ts). */
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

const NAMES = { type: "array", maxItems: 20, items: NAME };
/** See tunnelName(). */
const TUNNEL = { type: "string", pattern: "^mesh[0-9a-f]{8}$" };
/** Stands between double quotes in BIRD's configuration, which knows no escapes. */
const MESH_KEY = { type: "string", pattern: "^[!#-~]{16,64}$" };
const ADDRESSES = { type: "array", maxItems: 16, items: IPV4 };
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
      from: NAMES,
      to: NAMES,
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
  operation("timeZone", { zone: ZONE }),
  operation("timeKeeper", {
    servers: {
      type: "array",
      maxItems: 8,
      items: { type: "string", pattern: "^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$" },
    },
    clients: { type: "array", maxItems: 32, items: { anyOf: [IPV4_INTERFACE, IPV6] } },
  }),
  operation("ssh", { enabled: { type: "boolean" }, port: PORT, keys: { type: "array", maxItems: 16, items: SSH_KEY } }),
  operation("mdns", {
    hostname: HOSTNAME,
    interfaces: NAMES,
    ports: record({ http: PORT, https: PORT }),
    id: { type: "string", pattern: "^[0-9a-f]{12}$" },
    version: { type: "string", pattern: "^[A-Za-z0-9.+~-]{1,64}$" },
  }),
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
  operation("adapter", { segment: SEGMENT, serial: { type: "string", pattern: "^[0-9A-F]{16}$" } }),
  operation("address", { interface: NAME, address: IPV4_INTERFACE }),
  operation("address6", { interface: NAME, address: IPV6 }, ["address"]),
  operation("proxyNeighbours", {
    interface: NAME,
    parts: { type: "array", maxItems: 16, items: { type: "string", pattern: "^[0-9a-f:]{2,39}/122$" } },
  }),
  operation("route", { interface: NAME, gateway: IPV4 }, ["gateway"]),
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
      segments: {
        type: "array",
        maxItems: 16,
        items: record(
          {
            name: NAME,
            subnet: IPV4_INTERFACE,
            prefix6: IPV6,
            routed: { type: "array", maxItems: 64, items: NETWORK },
          },
          ["subnet", "prefix6"],
        ),
      },
      management: record({ interfaces: NAMES, sources: RANGES, ports: PORTS }),
      mdns: NAMES,
      fabric: record({ interfaces: NAMES, ports: PORTS }),
      antiSpoofing: { type: "boolean" },
      newConnectionsPerSecond: { type: "integer", minimum: 1, maximum: 10000 },
      connectionsPerAddress: { type: "integer", minimum: 10, maximum: 10000 },
      isolateSegments: { type: "boolean" },
      nat: { type: "boolean" },
      timeServer: { type: "boolean" },
      only: { type: "array", maxItems: 40, items: NAME },
      mesh: record({ lan: NAMES, tunnels: NAMES, peers: ADDRESSES }),
      vxlanPeers: { type: "array", maxItems: 256, items: IPV4 },
      portForwards: {
        type: "array",
        maxItems: 64,
        items: record({ protocol: { enum: ["tcp", "udp"] }, port: PORT, to: IPV4, toPort: PORT }),
      },
      rules: RULES,
      bridge: record({
        lan: NAMES,
        segments: NAMES,
        management: record({ lan: { type: "boolean" }, segments: { type: "boolean" } }),
        rules: RULES,
      }),
    },
    ["only", "bridge"],
  ),
  operation("vlan", { id: { type: "integer", minimum: 1, maximum: 4094 }, port: NAME }),
  operation("bridge", { address: STATION, port: NAME }),
  operation("bridgePort", { port: SEGMENT }),
  operation("extension", {
    segment: SEGMENT,
    address: STATION,
    vni: { type: "integer", minimum: 1, maximum: 16777215 },
    peers: ADDRESSES,
  }),
  operation("tunnel", {
    name: TUNNEL,
    remote: IPV4,
    address: { type: "string", pattern: "^fe80::[0-9a-f:]{1,19}/64$" },
  }),
  operation("mesh", {
    routerId: IPV4,
    key: MESH_KEY,
    lan: NAMES,
    tunnels: { type: "array", maxItems: 16, items: TUNNEL },
    segments: {
      type: "array",
      maxItems: 16,
      items: record({ interface: NAME, subnet: IPV4_INTERFACE, prefix6: IPV6_64 }, ["prefix6"]),
    },
    reserved: { type: "array", maxItems: 32, items: { anyOf: [IPV4_INTERFACE, IPV6_64] } },
    peers: ADDRESSES,
    accept: {
      type: "array",
      maxItems: 32,
      items: { type: "string", pattern: `^(${IPV4_PATTERN}/(3[0-2]|[12][0-9]|[89])|[0-9a-f:]{2,39}/[0-9]{2,3})$` },
    },
  }),
  operation("claim", { interfaces: { type: "array", maxItems: 96, uniqueItems: true, items: NAME } }),
  operation("noFirewall", {}),
  operation("noAddress", { interface: NAME }),
  operation("prune", {
    segments: { type: "array", maxItems: 16, items: SEGMENT },
    addressed: NAMES,
    served: { type: "array", maxItems: 16, items: SEGMENT },
    targets: { type: "array", maxItems: 16, items: { anyOf: [ISCSI_NAME, PORT_NAME] } },
    bridge: { type: "boolean" },
    extended: { type: "array", maxItems: 16, items: SEGMENT },
    tunnels: { type: "array", maxItems: 16, items: TUNNEL },
    mesh: { type: "boolean" },
    proxied: NAMES,
    vlans: NAMES,
    driverDisk: { type: "boolean" },
  }),
  operation("dhcpClient", {
    interface: NAME,
    running: { type: "boolean" },
    hostname: HOSTNAME,
    defaultRoute: { type: "boolean" },
  }),
  operation(
    "dnsmasq",
    {
      segment: SEGMENT,
      interface: NAME,
      mtu: { type: "integer", minimum: 1280, maximum: 8950 },
      running: { type: "boolean" },
      address: IPV4_INTERFACE,
      prefix6: IPV6,
      range: { type: "array", minItems: 2, maxItems: 2, items: IPV4 },
      leaseSeconds: { type: "integer", minimum: 120, maximum: 2592000 },
      hostname: HOSTNAME,
      timeServer: { type: "boolean" },
      hosts: {
        type: "array",
        maxItems: 63,
        items: record({ address: STATION, ipv4: IPV4, name: HOSTNAME }, ["ipv4", "name"]),
      },
      boot: record({ server: IPV4, file: BOOT_FILE, uefiFile: BOOT_FILE }, ["uefiFile"]),
      options: {
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
      },
      dns: record({
        servers: { type: "array", maxItems: 3, items: ADDRESS },
        records: { type: "array", maxItems: 256, items: record({ name: DOMAIN, address: ADDRESS }) },
      }),
    },
    ["interface", "mtu", "prefix6", "hosts", "boot", "options", "dns"],
  ),
  operation("stationFilter", { segment: SEGMENT, blocked: { type: "array", maxItems: 63, items: STATION } }),
  operation("backstore", { segment: SEGMENT }),
  operation("driverDisk", { serial: { type: "string", pattern: "^[0-9a-f]{12}$" } }),
  operation(
    "iscsiTarget",
    {
      segment: SEGMENT,
      target: ISCSI_NAME,
      portals: { type: "array", minItems: 1, maxItems: 16, items: PORTAL },
      initiators: { type: "array", minItems: 1, maxItems: 63, items: ISCSI_NAME },
      chap: record(
        {
          user: CHAP_NAME,
          password: CHAP_PASSWORD,
          gateway: record({ user: CHAP_NAME, password: CHAP_PASSWORD }),
        },
        ["gateway"],
      ),
      driverDisk: { type: "boolean" },
    },
    ["chap"],
  ),
  operation("portTarget", {
    fabric: { enum: [...PORT_FABRICS] },
    segment: SEGMENT,
    port: PORT_NAME,
    initiators: { type: "array", maxItems: 63, items: PORT_NAME },
    open: { type: "boolean" },
    driverDisk: { type: "boolean" },
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
    record({
      kind: { const: "token" },
      token: { type: ["string", "null"], maxLength: 64, pattern: "^[a-z0-9-]+$" },
    }),
    record({ kind: { const: "taken" }, what: { type: "array", maxItems: 64, items: LINE } }),
    record({
      kind: { const: "refused" },
      errors: { type: "array", maxItems: 100, items: record({ path: LINE, message: LINE, nextStep: LINE }) },
    }),
    record({ kind: { const: "recovered" } }),
  ],
};

export const requestSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "https://scsigate.org/schema/request.json",
  type: "object",
  required: ["type"],
  discriminator: { propertyName: "type" },
  oneOf: [
    {
      type: "object",
      additionalProperties: false,
      required: ["type", "id", "plan"],
      properties: {
        type: { const: "apply" },
        id: { type: "integer", minimum: 0 },
        plan: {
          type: "object",
          additionalProperties: false,
          required: ["groups"],
          properties: {
            groups: {
              type: "array",
              maxItems: 96,
              items: {
                type: "object",
                additionalProperties: false,
                required: ["name", "operations"],
                properties: {
                  name: GROUP,
                  needs: { type: "array", maxItems: 4, items: GROUP },
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
              },
            },
          },
        },
      },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["type"],
      properties: { type: { const: "ready" } },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["type"],
      properties: { type: { const: "alive" } },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["type", "id"],
      properties: { type: { const: "latency" }, id: { type: "integer", minimum: 0 } },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["type", "id"],
      properties: { type: { const: "mesh" }, id: { type: "integer", minimum: 0 } },
    },
    {
      type: "object",
      additionalProperties: false,
      required: ["type", "id"],
      properties: { type: { const: "reboot" }, id: { type: "integer", minimum: 0 } },
    },
    record({ type: { const: "boot" }, id: ID, change: BOOT_CHANGE }, ["change"]),
    record({ type: { const: "forget" }, id: ID }),
    record({ type: { const: "inspect" }, id: ID }),
    record({ type: { const: "firewallCounters" }, id: ID }),
    record({
      type: { const: "ping" },
      id: ID,
      ip: { type: "string", pattern: `^(${IPV4_PATTERN}|[0-9a-f:]{2,39})$` },
      count: { type: "integer", minimum: 1, maximum: 20 },
    }),
    record({
      type: { const: "capture" },
      id: ID,
      segment: SEGMENT,
      address: STATION,
      seconds: { type: "integer", minimum: 1, maximum: 60 },
      maxBytes: { type: "integer", minimum: 1024, maximum: 8 * 1024 * 1024 },
    }),
    record({ type: { const: "stopCapture" } }),
    record({ type: { const: "image" }, id: ID }),
    record({ type: { const: "takeBundle" }, id: ID, name: BUNDLE_NAME }),
    record({ type: { const: "installBundle" }, id: ID }),
    record({ type: { const: "dropBundle" }, id: ID }),
    record({ type: { const: "confirmSlot" }, id: ID }),
    record({ type: { const: "selectSlot" }, id: ID, slot: { enum: [...SLOTS] } }),
  ],
};
