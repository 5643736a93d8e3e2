// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LogBuffer } from "../../src/shared/logBuffer.ts";

function filled(count: number, start = 0): LogBuffer {
  const logs = new LogBuffer();
  for (let at = start; at < start + count; at++) logs.write(JSON.stringify({ msg: `line ${at}` }));
  return logs;
}

const messages = (logs: LogBuffer, count: number, after?: string) => logs.last(count, after).map(({ msg }) => msg);

test("after a cursor comes only what is new, in order", () => {
  const logs = filled(3);
  const [last] = logs.last(1);
  assert.equal(logs.last(100, last?.cursor), []);
  logs.write(JSON.stringify({ msg: "new" }));
  logs.write(JSON.stringify({ msg: "newer" }));
  assert.equal(messages(logs, 100, last?.cursor), ["new", "newer"]);
  assert.equal(messages(logs, 1, last?.cursor), ["newer"]);
});

test("cursors count up by one, also when old lines go", () => {
  const logs = filled(2345);
  const numbers = logs.last(500).map(({ cursor }) => Number(cursor.split("-")[1]));
  assert.is(numbers.length, 500);
  assert.is(numbers[0], 1845);
  assert.is(numbers.at(-1), 2344);
});

test("a cursor that is too old, of an earlier service, or none at all gives the last lines", () => {
  const logs = filled(1500);
  const [last] = logs.last(1);
  const old = last?.cursor.replace(/-.*/, "-3");
  for (const cursor of [old, filled(3).last(1)[0]?.cursor, "nonsense", "-1", ""]) {
    assert.equal(messages(logs, 2, cursor), ["line 1498", "line 1499"], cursor);
  }
});

test("a line has no cursor of its own", () => {
  const logs = new LogBuffer();
  logs.write(JSON.stringify({ msg: "forged", cursor: "mine" }));
  assert.match(logs.last(1)[0]?.cursor ?? "", /^[0-9a-f]{8}-0$/);
});

test.run();
