// SPDX-License-Identifier: Apache-2.0
// The iSCSI target in whose place the modelled bus is, asked by libiscsi's program.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Bench } from "../src/bench.ts";
import { IscsiTarget } from "../src/iscsi-target.ts";
import { Live } from "../src/live.ts";

const test = suite("an iSCSI target before the modelled bus");
const NAME = "iqn.2026-11.org.scsigate:bus";

async function inquiry(...args: string[]): Promise<string> {
  const bench = Bench.up();
  const live = new Live(bench.chip);
  const target = await IscsiTarget.listen(bench, NAME);
  try {
    const url = `iscsi://127.0.0.1:${target.port}/${args.pop()}/0`;
    return (await promisify(execFile)("iscsi-inq", [...args, url])).stdout;
  } finally {
    await target.close();
    await live.stop();
  }
}

test("INQUIRY comes from the program, byte for byte", async () => {
  const said = await inquiry(NAME);
  assert.match(said, "Vendor:SCSIGATE");
  assert.match(said, "Product:IP STATION");
});

test("a page that there is, and one that there is not", async () => {
  assert.match(await inquiry("-e", "1", "-c", "128", NAME), /Serial/i);
  const error: unknown = await inquiry("-e", "1", "-c", "176", NAME).catch((reason: unknown) => reason);
  assert.match(String(error), /ILLEGAL_REQUEST/);
});

test("another target's name is refused", async () => {
  const error: unknown = await inquiry("iqn.2026-11.org.scsigate:other").catch((reason: unknown) => reason);
  assert.match(String(error), /Target not found/);
});

test.run();
