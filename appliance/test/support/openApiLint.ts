// SPDX-License-Identifier: Apache-2.0
/** What linters of OpenAPI documents warn of, as far as it says something of ours. */
import { asObject, getAt, isObject, type JsonObject } from "../../src/shared/json.ts";

const METHODS = ["get", "put", "post", "delete", "patch"];

/** @returns a line for each warning */
export function lintOpenApi(document: JsonObject): string[] {
  return [...lintOperations(document), ...lintReferences(document), ...lintInfo(document)];
}

function lintOperations(document: JsonObject): string[] {
  const warnings: string[] = [];
  const ids = new Set<string>();
  for (const [path, methods] of Object.entries(asObject(document["paths"]))) {
    for (const [method, value] of Object.entries(asObject(methods))) {
      const warn = (what: string) => warnings.push(`${method.toUpperCase()} ${path}: ${what}`);
      const { operationId, summary, responses, parameters, security } = asObject(value);
      if (!METHODS.includes(method)) warn("no method");
      if (typeof operationId !== "string" || ids.has(operationId)) warn("its operationId is missing, or not its own");
      ids.add(String(operationId));
      if (typeof summary !== "string" || summary === "" || summary.endsWith(".")) warn("its summary is no title");
      const statuses = Object.keys(asObject(responses));
      if (!statuses.some((status) => /^[23]/.test(status))) warn("no answer of success");
      if (!statuses.some((status) => /^4/.test(status))) warn("no answer of 4xx");
      for (const [status, answer] of Object.entries(asObject(responses))) {
        if (!getAt(answer, ["description"])) warn(`${status} has no description`);
      }
      if (!Array.isArray(security)) warn("it does not say who may");
      const declared = (Array.isArray(parameters) ? parameters.map(asObject) : []).filter(
        ({ in: place }) => place === "path",
      );
      const named = [...path.matchAll(/\{(.+?)\}/g)].map((match) => match[1]);
      if (JSON.stringify(declared.map(({ name }) => name)) !== JSON.stringify(named))
        warn("its path has other parameters");
    }
  }
  return warnings;
}

function lintReferences(document: JsonObject): string[] {
  const used = new Set<string>();
  const follow = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(follow);
    if (!isObject(value)) return;
    const reference = value["$ref"];
    if (typeof reference === "string" && !used.has(reference)) {
      used.add(reference);
      follow(getAt(document, reference.replace("#/", "").split("/")));
    }
    Object.values(value).forEach(follow);
  };
  follow(document["paths"]);
  const components = asObject(document["components"]);
  const missing = [...used].filter(
    (reference) => getAt(document, reference.replace("#/", "").split("/")) === undefined,
  );
  const unused = Object.keys(asObject(components["schemas"])).filter(
    (name) => !used.has(`#/components/schemas/${name}`),
  );
  const operations = Object.values(asObject(document["paths"])).flatMap((methods) => Object.values(asObject(methods)));
  const schemes = new Set(
    operations.flatMap((operation) => {
      const { security } = asObject(operation);
      return Array.isArray(security) ? security.flatMap((one) => Object.keys(asObject(one))) : [];
    }),
  );
  const idle = Object.keys(asObject(components["securitySchemes"])).filter((name) => !schemes.has(name));
  return [
    ...missing.map((reference) => `${reference} is not there`),
    ...[...unused, ...idle].map((name) => `${name} is not used`),
  ];
}

function lintInfo({ info, servers }: JsonObject): string[] {
  const { title, version, license } = asObject(info);
  return [
    ...(title && version ? [] : ["info has no title, or no version"]),
    ...(asObject(license)["identifier"] || asObject(license)["url"] ? [] : ["the license does not say which"]),
    ...(Array.isArray(servers) && servers.length > 0 ? [] : ["no server"]),
  ];
}
