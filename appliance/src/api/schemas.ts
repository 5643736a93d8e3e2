// SPDX-License-Identifier: Apache-2.0
/**
 * JSON Schemas of what goes through the API: bodies are checked against them (compiled by scripts/generate.ts), answers
 * are described by them (GET /api/v1/openapi.json), and tests compare real answers with them.
 */
import { SCOPES } from "./access.ts";

/** Shortest password, characters: NIST SP 800-63B-4 for one that stands alone. */
const MIN_PASSWORD = 12;

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
const POINTER = text("JSON Pointer.");

const problemFields = {
  code: text("For programs; stable."),
  message: text("What happened."),
  nextStep: text("What to do."),
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
    required: ["id", "hostname", "version", "health", "lan", "storage", "segments", "mqtt", "config"],
    properties: {
      id: text("Names this gateway in MQTT topics."),
      hostname: text(""),
      version: text(""),
      health: ref("Health"),
      lan: { type: "object" },
      storage: { type: ["object", "null"] },
      segments: list({ type: "object" }),
      mqtt: { type: "object" },
      config: { type: "object" },
    },
  },
  Peers: list({
    type: "object",
    description: "A station, with the segment that it is on.",
    required: ["segment", "address", "state"],
    properties: { segment: text(""), address: text("Station address."), state: text("up, stalled or down") },
  }),
  Setup: object({ token: text("What the console shows.", { maxLength: 100 }), name: NAME, password: PASSWORD }),
  Login: object({ name: GUESS, password: GUESS }),
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
  LogLines: list({ type: "object", description: "A line of the log, as pino writes it." }),
} as const;

export type SchemaName = keyof typeof SCHEMAS;

/** What requests may carry; these are compiled. */
export const BODIES = [
  "Apply",
  "Backup",
  "Decision",
  "Document",
  "Login",
  "NewKey",
  "Patch",
  "Reset",
  "Setup",
  "UserChange",
] as const satisfies readonly SchemaName[];
export type BodyName = (typeof BODIES)[number];
