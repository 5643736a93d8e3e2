// SPDX-License-Identifier: Apache-2.0
import type { Status } from "@scsigate/appliance/api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { accept, forget, HISTORY, history } from "../src/core/store.ts";

function status(received: number): Status {
  const rates = { rx_bytes: received, tx_bytes: 0 };
  return { lan: { rates }, storage: null, segments: [] } as unknown as Status;
}

const lan = () => history.value.get("lan")?.map((point) => point?.rx);

test("a gap stays a gap, as long as it was; a single state that is missing is joined", () => {
  forget();
  accept(status(900), 1000);
  accept(status(800), 2100);
  accept(status(600), 4000);
  assert.equal(lan(), [900, 800, 700, 600]);
  accept(status(500), 7000);
  assert.equal(lan(), [900, 800, 700, 600, undefined, undefined, 500]);
  accept(status(5), 3_600_000);
  assert.is(lan()?.length, HISTORY);
  assert.equal(
    lan()?.filter((value) => value !== undefined),
    [5],
  );
  forget();
});

test.run();
