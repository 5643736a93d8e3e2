// SPDX-License-Identifier: Apache-2.0
/** The API's description, from its routes and schemas. */
import { SCHEMAS } from "../../api/schemas.ts";
import { configSchema } from "../../config/schema.ts";
import { isObject, type JsonObject } from "../../shared/json.ts";
import type { Route } from "./router.ts";

const schema = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** @returns an OpenAPI 3.1 document */
export function describeApi(routes: readonly Route[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    if (route.summary === undefined) continue;
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = operation(route);
    paths[route.path] = path;
  }
  const { definitions, Config } = configSchemas();
  return {
    openapi: "3.1.0",
    info: {
      title: "scsigate",
      version,
      description: "A gateway between SCSI cluster segments and Ethernet. Errors are RFC 9457 problem details.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: referredTo(paths, { ...SCHEMAS, ...definitions, Config }),
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key of POST /api/v1/keys." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-scsigate",
          description: "Of POST /api/v1/login. What changes something also takes the header X-CSRF-Token.",
        },
      },
    },
  };
}

function operation(route: Route): JsonObject {
  const names = [...route.path.matchAll(/\{(.+?)\}/g)].map((match) => match[1]);
  const parameters = [
    ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(route.query ?? {}).map(([name, description]) => ({
      ...{ name, in: "query", required: false, description },
      schema: { type: "string" },
    })),
  ];
  const responses: Record<string, JsonObject> = {};
  for (const [status, name] of Object.entries(route.answers ?? { 204: undefined })) {
    const described = { description: status === "204" ? "Done." : "It worked." };
    if (name === undefined) responses[status] = described;
    else if (name === "stream") responses[status] = { ...described, content: { "text/event-stream": {} } };
    else if (name === "pcap") responses[status] = { ...described, content: { "application/vnd.tcpdump.pcap": {} } };
    else if (name === "archive") responses[status] = { ...described, content: { "application/gzip": {} } };
    else if (name === "text") responses[status] = { ...described, content: { "text/plain": {} } };
    else responses[status] = { ...described, content: { "application/json": { schema: schema(name) } } };
  }
  const problem = { content: { "application/problem+json": { schema: schema("Problem") } } };
  responses["4XX"] = { description: "It was not done: the request is wrong, too early, or not allowed.", ...problem };
  responses["default"] = { description: "It did not work.", ...problem };
  return {
    operationId: operationId(route),
    summary: route.summary,
    security: route.access === "open" ? [] : [{ session: [] }, { key: [] }],
    ...(route.access === "open" ? {} : { description: `Needs the scope ${route.access}.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: bodySchema(route.body) } } } }),
    ...(route.upload === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/octet-stream": {} } } }),
    responses,
  };
}

/** A document that is sent is checked as a whole; what is answered may also be a part of one, or another document. */
function bodySchema(body: NonNullable<Route["body"]>): JsonObject {
  return schema(body === "Document" ? "Config" : body);
}

/** Those schemas that are referred to, from the paths or from each other. */
function referredTo(paths: JsonObject, all: JsonObject): JsonObject {
  const wanted = new Set<string>();
  const collect = (value: unknown): void => {
    for (const [, name = ""] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (wanted.has(name)) continue;
      wanted.add(name);
      collect(all[name] ?? null);
    }
  };
  collect(paths);
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
}

/** get /api/v1/config/history -> getConfigHistory */
function operationId(route: Route): string {
  const words = route.path.replace("/api/v1", "").split(/[^A-Za-z]+/);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return route.method.toLowerCase() + words.map(capital).join("");
}

/** The configuration's schema with its references and keywords as OpenAPI has them. */
function configSchemas(): { definitions: JsonObject; Config: JsonObject } {
  const { definitions, $schema: _schema, $id: _id, ...Config } = rewrite(configSchema) as JsonObject;
  return { definitions: isObject(definitions) ? definitions : {}, Config };
}

function rewrite(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewrite);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === "$ref" && typeof item === "string")
      result[key] = item.replace("#/definitions/", "#/components/schemas/");
    else if (key === "restarts") result["x-restarts"] = item;
    else if (key === "secret") result["writeOnly"] = item;
    else result[key] = rewrite(item);
  }
  return result;
}
