// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { asObject, type JsonObject } from "../../src/shared/json.ts";
import { get, startGateway } from "../support/gateway.ts";
import { lintOpenApi } from "../support/openApiLint.ts";

test("a linter has nothing to say of the API's description, and says so of a worse one", async () => {
  const gateway = await startGateway();
  const { body } = await get(gateway.service.ports.https, "/api/v1/openapi.json");
  await gateway.stop();
  const document = JSON.parse(body) as JsonObject;
  assert.equal(lintOpenApi(document), []);
  assert.ok(Object.keys(asObject(document["paths"])).length > 40);

  const worse = JSON.parse(body.replaceAll('"4XX"', '"599"')) as JsonObject;
  asObject(asObject(worse["components"])["schemas"])["Idle"] = {};
  const said = lintOpenApi(worse);
  assert.ok(said.includes("GET /health: no answer of 4xx"));
  assert.is(said.at(-1), "Idle is not used");
});

test.run();
