// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isRequest, type LogLine, readLog } from "../src/core/logs.ts";
import { FakeGateway } from "./support/fakeGateway.ts";

const gateway = new FakeGateway();
const logs = suite("log");
logs.before(() => gateway.start());
logs.after(() => gateway.stop());

const line = (cursor: string): LogLine => ({ cursor, msg: cursor });

logs("asks for what is new only, and puts it behind what is there", async () => {
  gateway.on("GET /api/v1/logs", { body: [line("a-0"), line("a-1")] });
  const first = await readLog([]);
  gateway.on("GET /api/v1/logs", { body: [] });
  assert.is(await readLog(first), first);
  assert.is(gateway.queries.at(-1), "lines=500&after=a-1");
  gateway.on("GET /api/v1/logs", { body: [line("a-2")] });
  const next = await readLog(first);
  assert.equal(
    next.map(({ cursor }) => cursor),
    ["a-0", "a-1", "a-2"],
  );
  assert.is(next[0], first[0]);
});

logs("what does not follow takes the place of what was there: a new service, or lines that are lost", async () => {
  for (const cursor of ["b-0", "b-2", "a-7"]) {
    gateway.on("GET /api/v1/logs", { body: [line(cursor)] });
    assert.equal(await readLog([line("a-0"), line("a-1")]), [line(cursor)]);
  }
});

logs("keeps no more than a page can show", async () => {
  const many = Array.from({ length: 2000 }, (_, at) => line(`a-${at}`));
  gateway.on("GET /api/v1/logs", { body: [line("a-2000")] });
  const kept = await readLog(many);
  assert.is(kept.length, 2000);
  assert.is(kept[0]?.cursor, "a-1");
});

logs("requests are told from events", () => {
  assert.ok(isRequest({ cursor: "a-0", msg: "request", method: "PUT" }));
  assert.not(isRequest({ cursor: "a-0", msg: "request failed", method: "PUT" }));
  assert.not(isRequest({ cursor: "a-0", msg: "request" }));
});

logs.run();
