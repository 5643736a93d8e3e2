// SPDX-License-Identifier: Apache-2.0
import type { Status } from "@scsigate/appliance/api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { accept, forget, history } from "../src/core/store.ts";

function status(received: number): Status {
  const rates = { rx_bytes: received, tx_bytes: 0 };
  return { lan: { rates }, storage: null, segments: [] } as unknown as Status;
}

test("a chart does not join what came before a gap to what came after it", () => {
  forget();
  accept(status(900), 1000);
  accept(status(800), 2000);
  accept(status(700), 4500);
  assert.is(history.value.get("lan")?.length, 3);
  accept(status(5), 3_600_000);
  assert.equal(history.value.get("lan"), [{ rx: 5, tx: 0 }]);
  forget();
});

test.run();
