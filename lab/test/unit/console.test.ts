// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { logLine } from "../../src/log-line.ts";
import { parseMessage } from "../../src/vm/broker.ts";

const test = suite("console and broker lines");

test("a log line is found behind a login prompt, and torn ones are passed over", () => {
  assert.is(logLine('gateway login: {"level":30,"msg":"hello"}\r'), '{"level":30,"msg":"hello"}');
  assert.is(logLine('{"level":30,"msg":"he[    3.1'), undefined);
  assert.is(logLine("[    1.2] virtio_net virtio1 eth0: renamed"), undefined);
});

test("messages of the broker keep payloads with spaces, and may be empty", () => {
  assert.equal(parseMessage('1 scsigate/x/state {"a": 1}'), {
    retained: true,
    topic: "scsigate/x/state",
    payload: '{"a": 1}',
  });
  assert.equal(parseMessage("0 a/b "), { retained: false, topic: "a/b", payload: "" });
  assert.is(parseMessage("nonsense"), undefined);
});

test.run();
