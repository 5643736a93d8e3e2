// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MIGRATIONS, type Migration, migrate } from "../../src/config/migrations.ts";
import { CURRENT_VERSION } from "../../src/config/schema.ts";
import { validate } from "../../src/config/validate.ts";

const RELEASED = join(import.meta.dirname, "../fixtures/released");

test("there are documents of every released form", () => {
  const forms = readdirSync(RELEASED).map(Number).sort();
  assert.equal(
    forms,
    Array.from({ length: CURRENT_VERSION }, (_, index) => index + 1),
  );
});

for (const form of readdirSync(RELEASED)) {
  for (const name of readdirSync(join(RELEASED, form))) {
    test(`form ${form}: ${name} becomes a valid document of the current form`, () => {
      const document: unknown = JSON.parse(readFileSync(join(RELEASED, form, name), "utf8"));
      const { document: current } = migrate(document);
      assert.is((current as { version: number }).version, CURRENT_VERSION);
      const result = validate(current);
      assert.ok(result.valid, JSON.stringify(result));
    });
  }
}

test("the steps are numbered without a gap, up to the current form", () => {
  assert.equal(
    MIGRATIONS.map((migration) => migration.from),
    Array.from({ length: CURRENT_VERSION - 1 }, (_, index) => index + 1),
  );
});

/** Two steps of a form that never was, to test the mechanism itself. */
const STEPS: Migration[] = [
  {
    from: 1,
    migrate: (document) => {
      document["name"] = document["hostname"];
      delete document["hostname"];
    },
  },
  {
    from: 2,
    migrate: (document) => {
      document["names"] = [document["name"]];
      delete document["name"];
    },
  },
];

test("steps are taken one after the other, and the document that came in stays as it was", () => {
  const document = { version: 1, hostname: "a" };
  const result = migrate(document, STEPS, 3);
  assert.equal(result, { document: { version: 3, names: ["a"] }, from: 1 });
  assert.equal(document, { version: 1, hostname: "a" });
  assert.equal(migrate({ version: 2, name: "b" }, STEPS, 3).document, { version: 3, names: ["b"] });
});

test("a document of a newer form is not touched, and is told", () => {
  assert.equal(migrate({ version: 4 }, STEPS, 3), { document: { version: 4 }, tooNew: 4 });
});

test("what has no version, or none that is a number, is left to the validation", () => {
  for (const document of [null, 7, [], {}, { version: "1" }, { version: 0 }, { version: 1.5 }]) {
    assert.equal(migrate(document, STEPS, 3), { document });
  }
});

test.run();
