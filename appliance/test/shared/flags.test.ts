// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EXECUTOR_FLAGS } from "../../src/shared/flags.ts";

const repository = join(import.meta.dirname, "../../..");
const STARTERS = [
  "buildroot/board/common/rootfs-overlay/usr/sbin/scsigate-supervisor",
  "appliance/debian/scsigate.service",
];

for (const file of STARTERS) {
  test(`the executor gets the options that its compiled code is made with: ${file}`, () => {
    const text = readFileSync(join(repository, file), "utf8");
    const options = /\bnode ((?:--\S+ )+)/.exec(text)?.[1]?.trim().split(" ");
    assert.equal(options, EXECUTOR_FLAGS);
  });
}

test.run();
