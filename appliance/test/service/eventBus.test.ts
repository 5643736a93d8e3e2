// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventBus } from "../../src/service/eventBus.ts";

test("who listens hears every event of that name, in turn, until it has ended", () => {
  const events = new EventBus();
  const heard: string[] = [];
  const end = events.on("config", () => heard.push("first"));
  events.on("config", () => heard.push("second"));
  events.on("identity", () => heard.push("identity"));
  events.tell("config");
  end();
  events.tell("config");
  assert.equal(heard, ["first", "second", "second"]);
});

test.run();
