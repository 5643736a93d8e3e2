// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { changesBetween, effectNotes } from "../../src/config/changes.ts";
import { configSchema, EFFECTS, effectsAt, isText, SECRET_PATHS } from "../../src/config/schema.ts";
import { joinSecrets, splitSecrets } from "../../src/config/secrets.ts";
import { validate } from "../../src/config/validate.ts";
import { asObject, canonical, formatPointer, getAt, mergePatch, parsePointer } from "../../src/shared/json.ts";

function config(document: object): unknown {
  const result = validate({ version: 1, ...document });
  assert.ok(result.valid, JSON.stringify(result));
  return result.valid && result.config;
}

test("each top setting but the version says what a change of it disturbs, in known words", () => {
  for (const key of Object.keys(asObject(configSchema["properties"]))) {
    if (key === "version") continue;
    const effects = effectsAt([key]);
    assert.ok(effects.length > 0, `${key} has no "restarts"`);
    for (const effect of effects) assert.ok(effect in EFFECTS, `${key}: ${effect}`);
  }
});

test("the nearest setting on the way says it", () => {
  assert.equal(effectsAt(["segments", "0", "ipv4", "address"]), ["segment"]);
  assert.equal(effectsAt(["segments", "0", "dhcp", "leaseSeconds"]), ["dhcp"]);
  assert.equal(effectsAt(["segments", "0", "fabric", "initiators", "0"]), ["fabric"]);
  assert.equal(effectsAt(["lan", "ipv4", "address"]), ["lan"]);
});

test("what the schema takes as nothing but a text", () => {
  for (const path of ["hostname", "mode", "mqtt.password", "segments.0.fabric.initiators.3", "lan.ipv4.address"]) {
    assert.ok(isText(path.split(".")), path);
  }
  for (const path of [
    "mqtt",
    "mqtt.intervalSeconds",
    "mqtt.enabled",
    "segments",
    "segments.0.fabric",
    "nothing.there",
  ]) {
    assert.not.ok(isText(path.split(".")), path);
  }
});

test("no secret stands in a list, where it would have no lasting place", () => {
  assert.ok(SECRET_PATHS.length > 0);
  for (const path of SECRET_PATHS) assert.not.ok(path.includes("0"), formatPointer(path));
});

test("a default that is written out is no change", () => {
  assert.equal(changesBetween(config({}), config({ hostname: "scsigate", http: { port: 80 } })), []);
});

test("changes inside of a list are told by their place; another length as the whole list", () => {
  const one = config({ segments: [{ name: "seg0" }, { name: "seg1" }] });
  const other = config({ segments: [{ name: "seg0" }, { name: "seg1", dhcp: { enabled: false } }] });
  assert.equal(changesBetween(one, other), [
    { path: "/segments/1/dhcp/enabled", before: true, after: false, effects: ["dhcp"] },
  ]);
  const [change] = changesBetween(one, config({}));
  assert.is(change?.path, "/segments");
});

test("what came or went has no other side", () => {
  const [change] = changesBetween(config({}), config({ storage: { interface: "eth1" } }));
  assert.is(change?.path, "/storage");
  assert.not.ok(change && "before" in change);
});

test("a secret never shows, alone or in a section", () => {
  const changes = changesBetween(config({}), config({ mqtt: { password: "hush-hush" } }));
  assert.equal(changes, [{ path: "/mqtt/password", after: "(secret)", effects: ["telemetry"] }]);
  assert.not.match(JSON.stringify(changesBetween({}, { mqtt: { password: "hush-hush" } })), "hush-hush");
});

test("effects are told once each, in words", () => {
  const changes = changesBetween(config({}), config({ hostname: "a", mqtt: { enabled: true, intervalSeconds: 9 } }));
  assert.equal(
    effectNotes(changes).map((note) => note.effect),
    ["dhcp", "telemetry"],
  );
});

test("property: no change from a document to itself, and a change back for every change", () => {
  const document = fc.record({
    hostname: fc.constantFrom("a", "b"),
    segments: fc.uniqueArray(
      fc.record({ name: fc.constantFrom("seg0", "seg1", "seg2"), dhcp: fc.record({ enabled: fc.boolean() }) }),
      { selector: (segment) => segment.name },
    ),
    mqtt: fc.record({ password: fc.string({ minLength: 1, maxLength: 8 }) }, { requiredKeys: [] }),
  });
  fc.assert(
    fc.property(document, document, (one, other) => {
      assert.equal(changesBetween(config(one), config(one)), []);
      const there = changesBetween(config(one), config(other)).map((change) => change.path);
      const back = changesBetween(config(other), config(one)).map((change) => change.path);
      assert.equal(there.sort(), back.sort());
      assert.is(there.length === 0, canonical(config(one)) === canonical(config(other)));
    }),
  );
});

test("property: a document that is parted from its secrets and put together again is the same", () => {
  const paths = [["a"], ["b", "c"]];
  const leaf = fc.oneof(fc.string(), fc.integer());
  const document = fc.record(
    { a: fc.string(), b: fc.record({ c: fc.string(), d: leaf }, { requiredKeys: ["d"] }), e: leaf },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(document, (whole) => {
      const { document: rest, secrets } = splitSecrets(whole, {}, paths);
      for (const path of paths) assert.is(getAt(rest, path), undefined);
      assert.equal(canonical(joinSecrets(rest, secrets, paths)), canonical(whole));
    }),
  );
});

test("a secret that is not mentioned stays, and null removes it", () => {
  const paths = [["a"]];
  assert.equal(splitSecrets({}, { "/a": "x" }, paths).secrets, { "/a": "x" });
  assert.equal(splitSecrets({ a: null }, { "/a": "x" }, paths), { document: {}, secrets: {} });
});

test("property: pointers lead back to their keys", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (keys) => {
      assert.equal(parsePointer(formatPointer(keys)), keys);
    }),
  );
});

test("merge patches do what RFC 7396 says", () => {
  // The examples of its appendix A.
  const cases: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, expected] of cases) assert.equal(mergePatch(target, patch), expected);
  const polluted = mergePatch({}, JSON.parse('{"__proto__":{"x":1}}'));
  assert.is((polluted as { x?: number }).x, undefined);
});

test.run();
