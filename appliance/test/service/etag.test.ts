// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasAlready, tagOf } from "../../src/service/http/etag.ts";

test("the tag that a header means: alone, in a list, marked by a proxy that compresses", () => {
  for (const header of ['"now"', 'W/"now"', '"old", "now"', 'W/"old",W/"now"', ' "now" ']) {
    assert.is(tagOf(header, '"now"'), '"now"', header);
    assert.ok(hasAlready(header, '"now"'), header);
  }
  assert.is(tagOf(" * ", '"now"'), "*");
  for (const header of ['"old"', 'W/"old", "older"', "now", "", "W/now"]) {
    assert.is.not(tagOf(header, '"now"'), '"now"', header);
    assert.not.ok(hasAlready(header, '"now"'), header);
  }
  assert.not.ok(hasAlready(undefined, '"now"'));
});

test.run();
