// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareVersions } from "../../src/shared/version.ts";

test("the specification's own order, and more of it", () => {
  const order = [
    ...["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"],
    ...["1.0.0-rc.1", "1.0.0", "1.0.1", "1.9.0", "1.10.0", "2.0.0"],
  ];
  for (const [at, one] of order.entries()) {
    for (const [place, other] of order.entries()) {
      const sign = Math.sign(compareVersions(one, other) ?? Number.NaN);
      assert.is(sign, Math.sign(at - place), `${one} and ${other}`);
    }
  }
});

test("what follows a plus sign does not count; what is no version cannot be compared", () => {
  assert.is(compareVersions("1.0.0+debian", "v1.0.0+buildroot"), 0);
  for (const text of ["", "1.0", "unknown", "1.0.0.0", "one"]) {
    assert.is(compareVersions(text, "1.0.0"), undefined, text);
    assert.is(compareVersions("1.0.0", text), undefined, text);
  }
});

test.run();
