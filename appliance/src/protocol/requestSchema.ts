// SPDX-License-Identifier: Apache-2.0
/** JSON Schema of the requests: the executor accepts nothing else. Compiled at build time (scripts/generate.ts). */
import { INTERFACE_SYSCTLS, MODULES, SYSCTLS } from "./operations.ts";

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
const PORTAL = { type: "string", pattern: `^${IPV4_PATTERN}:[1-9][0-9]{0,4}$` };
const STATION = { type: "string", pattern: "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" };
const NAA = { type: "string", pattern: "^naa\\.[0-9a-f]{16}$" };
/**
 * As in the configuration's schema: what it allows has neither slash nor white space, and does not start with a dot.
 */
const ISCSI_NAME = { type: "string", maxLength: 223, pattern: "^(iqn|eui|naa)\\.[a-z0-9][a-z0-9.:_-]*$" };

const NAMES = { type: "array", maxItems: 20, items: NAME };
const PORT = { type: "integer", minimum: 1, maximum: 65535 };
const PORTS = { type: "array", maxItems: 64, items: PORT };
const PORT_RANGE = { type: "string", pattern: "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$" };
const RANGES = {
  type: "array",
  maxItems: 32,
  items: { type: "string", pattern: `^${IPV4_PATTERN}(/(3[0-2]|[12]?[0-9]))?$` },
};

function record(properties: Record<string, unknown>, optional: string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, required, properties };
}

function operation(kind: string, properties: Record<string, unknown>, optional: string[] = []) {
  return record({ kind: { const: kind }, ...properties }, optional);
}

const OPERATIONS = [
  operation("modules", { names: { type: "array", maxItems: 16, items: { enum: [...MODULES] } } }),
  operation("configfs", {}),
  operation("hostname", { name: HOSTNAME }),
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
  operation("address", { interface: NAME, address: IPV4_INTERFACE }),
  operation("address6", { interface: NAME, address: IPV6_64 }, ["address"]),
  operation("route", { interface: NAME, gateway: IPV4 }),
  operation("resolver", { interface: NAME, servers: { type: "array", maxItems: 3, items: IPV4 } }),
  operation("sysctl", { name: { enum: [...SYSCTLS] }, value: { type: "integer", minimum: 0, maximum: 1 } }),
  operation("interfaceSysctl", {
    interface: NAME,
    name: { enum: [...INTERFACE_SYSCTLS] },
    value: { type: "integer", minimum: 0, maximum: 2 },
  }),
  operation("firewall", {
    lan: NAMES,
    storage: NAMES,
    segments: {
      type: "array",
      maxItems: 16,
      items: record({ name: SEGMENT, subnet: IPV4_INTERFACE, prefix6: IPV6_64 }, ["subnet", "prefix6"]),
    },
    management: record({ interfaces: NAMES, sources: RANGES, ports: PORTS }),
    fabric: record({ interfaces: NAMES, ports: PORTS }),
    antiSpoofing: { type: "boolean" },
    newConnectionsPerSecond: { type: "integer", minimum: 1, maximum: 10000 },
    isolateSegments: { type: "boolean" },
    nat: { type: "boolean" },
    portForwards: {
      type: "array",
      maxItems: 64,
      items: record({ protocol: { enum: ["tcp", "udp"] }, port: PORT, to: IPV4, toPort: PORT }),
    },
    rules: {
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
    },
  }),
  operation("bridge", { address: STATION, port: NAME }),
  operation("bridgePort", { port: SEGMENT }),
  operation("noAddress", { interface: NAME }),
  operation("prune", {
    segments: { type: "array", maxItems: 16, items: SEGMENT },
    addressed: NAMES,
    served: { type: "array", maxItems: 16, items: SEGMENT },
    targets: { type: "array", maxItems: 16, items: ISCSI_NAME },
    bridge: { type: "boolean" },
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
      running: { type: "boolean" },
      address: IPV4_INTERFACE,
      prefix6: IPV6_64,
      range: { type: "array", minItems: 2, maxItems: 2, items: IPV4 },
      leaseSeconds: { type: "integer", minimum: 120, maximum: 2592000 },
      hostname: HOSTNAME,
    },
    ["prefix6"],
  ),
  operation("backstore", { segment: SEGMENT }),
  operation("iscsiTarget", {
    segment: SEGMENT,
    target: ISCSI_NAME,
    portals: { type: "array", minItems: 1, maxItems: 16, items: PORTAL },
    initiators: { type: "array", minItems: 1, maxItems: 63, items: ISCSI_NAME },
  }),
  operation("loopTarget", { segment: SEGMENT, target: NAA, initiator: NAA }),
];

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
              maxItems: 64,
              items: {
                type: "object",
                additionalProperties: false,
                required: ["name", "operations"],
                properties: {
                  name: GROUP,
                  needs: GROUP,
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
      required: ["type", "id"],
      properties: { type: { const: "latency" }, id: { type: "integer", minimum: 0 } },
    },
  ],
};
