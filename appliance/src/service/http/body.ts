// SPDX-License-Identifier: Apache-2.0
/** Reads a request's JSON body, and no more of it than is allowed. */
import type { IncomingMessage } from "node:http";
import { type ApiSchemaError, validators } from "#api-validator";
import type { BodyName } from "../../api/schemas.ts";
import { type Answer, problem } from "./router.ts";

/** Longest body, bytes: a configuration document with its secrets. */
const MAX_BODY = 1024 * 1024 + 64 * 1024;
const TYPE = /^application\/(merge-patch\+)?json\s*(;|$)/i;

export type Body = { value: unknown } | Answer;

/** @param schema what it must be; undefined: there must be none */
export async function readBody(request: IncomingMessage, schema: BodyName | undefined): Promise<Body> {
  const announced = Number(request.headers["content-length"] ?? "0");
  const chunked = request.headers["transfer-encoding"] !== undefined;
  if (schema === undefined) {
    return announced > 0 || chunked ? tooLong("this request takes no body", "Send none.") : { value: undefined };
  }
  if (announced > MAX_BODY) return tooLong(`the body is longer than ${MAX_BODY} bytes`, "Send less.");
  if (!TYPE.test(request.headers["content-type"] ?? "")) {
    // Also what keeps a form of somebody else's page out.
    const nextStep = "Send JSON, with the header Content-Type: application/json.";
    return problem(415, "not-json", "the body is not marked as JSON", nextStep, { headers: { Connection: "close" } });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) return tooLong(`the body is longer than ${MAX_BODY} bytes`, "Send less.");
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem(400, "not-json", `the body is not JSON: ${reason}`, "Correct it; UTF-8, no comments.");
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
