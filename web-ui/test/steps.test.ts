// SPDX-License-Identifier: Apache-2.0
import type { Status } from "@scsigate/appliance/api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { beginSetup, goTo, isHalfway, leaveSetup, move, step } from "../src/core/steps.ts";
import { status } from "../src/core/store.ts";

function configuredBy(source: string): void {
  status.value = { config: { valid: true, source, errors: [] } } as unknown as Status;
}

test("a browser that knows nothing of the setup goes by whether anything was ever set", () => {
  assert.is(isHalfway(), false, "nothing is known yet");
  configuredBy("defaults");
  assert.is(isHalfway(), true);
  configuredBy("file");
  assert.is(isHalfway(), false);
});

test("the setup is half-way from its beginning to its last step, or until it is left for good", () => {
  configuredBy("file");
  beginSetup();
  assert.is(step.value, "basics");
  assert.is(isHalfway(), true);
  goTo("summary");
  assert.is(isHalfway(), true);
  move(1);
  assert.is(step.value, "done");
  assert.is(isHalfway(), false);
  move(-1);
  assert.is(isHalfway(), true);
  leaveSetup();
  assert.is(isHalfway(), false);
  configuredBy("defaults");
  assert.is(isHalfway(), false, "it was decided here");
});

test.run();
