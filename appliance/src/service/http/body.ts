// SPDX-License-Identifier: Apache-2.0
/** Reads a request's JSON body, and no more of it than is allowed. */
import type { IncomingMessage } from "node:http";
import { type ApiSchemaError, validators } from "#api-validator";
import type { BodyName } from "../../api/schemas.ts";
import { outOfBounds } from "../../config/bounds.ts";
import { type Answer, problem } from "./router.ts";

/** Longest bodies, bytes: anybody may send some of them, and most are a few words. */
const MAX_BODY = 4096;
/** A certificate chain and its key, with their line ends as JSON has them. */
const MAX_CERTIFICATE = 160 * 1024;
/** A configuration document with its secrets. */
const MAX_DOCUMENT = 1024 * 1024 + 64 * 1024;
const LONGER: Partial<Record<BodyName, number>> = {
  Backup: MAX_DOCUMENT,
  Document: MAX_DOCUMENT,
  NewCertificate: MAX_CERTIFICATE,
  Patch: MAX_DOCUMENT,
};
const TYPE = /^application\/(merge-patch\+)?json\s*(;|$)/i;

export type Body = { value: unknown } | Answer;

/** @param schema what it must be; undefined: there must be none */
export async function readBody(request: IncomingMessage, schema: BodyName | undefined): Promise<Body> {
  const announced = Number(request.headers["content-length"] ?? "0");
  const chunked = request.headers["transfer-encoding"] !== undefined;
  if (schema === undefined) {
    return announced > 0 || chunked ? tooLong("this request takes no body", "Send none.") : { value: undefined };
  }
  const longest = LONGER[schema] ?? MAX_BODY;
  if (announced > longest) return tooLong(`the body is longer than ${longest} bytes`, "Send less.");
  if (!TYPE.test(request.headers["content-type"] ?? "")) {
    // Also what keeps a form of somebody else's page out.
    const nextStep = "Send JSON, with the header Content-Type: application/json.";
    return problem(415, "not-json", "the body is not marked as JSON", nextStep, { headers: { Connection: "close" } });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longest) return tooLong(`the body is longer than ${longest} bytes`, "Send less.");
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem(400, "not-json", `the body is not JSON: ${reason}`, "Correct it; UTF-8, no comments.");
  }
  const beyond = outOfBounds(value);
  if (beyond !== undefined) {
    return problem(422, "body-invalid", beyond.message, beyond.nextStep, { errors: [beyond] });
  }
  const validate = validators[schema];
  if (validate(value)) return { value };
  const errors = (validate.errors ?? []).map(describe);
  return problem(422, "body-invalid", "the body is not what this request takes", "Correct what errors names.", {
    errors,
  });
}

function describe(error: ApiSchemaError): { path: string; message: string } {
  const surplus = error.params["additionalProperty"];
  const message = error.message ?? "is not valid";
  return { path: error.instancePath, message: surplus === undefined ? message : `${message}: ${String(surplus)}` };
}

function tooLong(title: string, nextStep: string): Answer {
  return problem(413, "body-too-long", title, nextStep, { headers: { Connection: "close" } });
}
