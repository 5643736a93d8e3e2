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
const PORTAL = { type: "string", pattern: `^${IPV4_PATTERN}:[1-9][0-9]{0,4}$` };
const STATION = { type: "string", pattern: "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" };
const NAA = { type: "string", pattern: "^naa\\.[0-9a-f]{16}$" };
/** As in the configuration's schema: what it allows has neither slash nor white space, and does not start with a dot. */
const ISCSI_NAME = { type: "string", maxLength: 223, pattern: "^(iqn|eui|naa)\\.[a-z0-9][a-z0-9.:_-]*$" };

function operation(kind: string, properties: Record<string, unknown>, optional: string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return {
    type: "object",
    additionalProperties: false,
    required: ["kind", ...required],
    properties: { kind: { const: kind }, ...properties },
  };
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
  operation("route", { interface: NAME, gateway: IPV4 }),
  operation("resolver", { interface: NAME, servers: { type: "array", maxItems: 3, items: IPV4 } }),
  operation("sysctl", { name: { enum: [...SYSCTLS] }, value: { type: "integer", minimum: 0, maximum: 1 } }),
  operation("interfaceSysctl", {
    interface: NAME,
    name: { enum: [...INTERFACE_SYSCTLS] },
    value: { type: "integer", minimum: 0, maximum: 2 },
  }),
  operation("firewall", {}),
  operation("dhcpClient", {
    interface: NAME,
    running: { type: "boolean" },
    hostname: HOSTNAME,
    defaultRoute: { type: "boolean" },
  }),
  operation("dnsmasq", {
    segment: SEGMENT,
    running: { type: "boolean" },
    address: IPV4_INTERFACE,
    range: { type: "array", minItems: 2, maxItems: 2, items: IPV4 },
    leaseSeconds: { type: "integer", minimum: 120, maximum: 2592000 },
    hostname: HOSTNAME,
  }),
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
  ],
};
