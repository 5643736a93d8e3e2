// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { told } from "../src/core/said.ts";
import { german } from "../src/said/catalogue.ts";
import { numbers, say } from "../src/said/german.ts";
import { translator } from "../src/said/matcher.ts";
import { gatewayTexts } from "./support/gatewayTexts.ts";

const texts = gatewayTexts();

/** The holes of a text, sorted: "1", "2". */
function holesOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\d)[^}]*\}/g)].map(([, index]) => index ?? ""))].sort();
}

test("everything that the gateway says has its German", () => {
  const missing = texts.filter(({ text }) => german[text] === undefined);
  assert.equal(
    missing.map(({ text, at }) => `${at}: add it to web-ui/src/said/catalogue.ts: ${JSON.stringify(text)}: "...",`),
    [],
  );
});

test("what has German is still said", () => {
  const known = new Set(texts.map(({ text }) => text));
  assert.equal(
    Object.keys(german)
      .filter((text) => !known.has(text))
      .map(
        (text) => `no source says it any more, remove it from web-ui/src/said/catalogue.ts: ${JSON.stringify(text)}`,
      ),
    [],
  );
});

test("what stands in the sources is found: constants, conditions, helpers, parameters, tables, the schema", () => {
  const found = new Map(texts.map(({ text, at }) => [text, at.replace(/:.*/, "")]));
  for (const [text, file] of [
    ["the adapter {1} is not plugged in", "src/observe/usbAdapters.ts"],
    ["{1} stations up", "src/service/diagnosis/verdict.ts"],
    ["port {1} is that of SSH already", "src/config/portMeaning.ts"],
    ["no answer from: {1}", "src/service/diagnosis/verdict.ts"],
    ["it was not confirmed in time", "src/service/configuration.ts"],
    ["SSH sessions end, unless keys are only added", "src/config/changes.ts"],
    ["{1} is too short: it takes {2} characters", "src/config/validate.ts"],
    ["Whether the gateway gives out addresses.", "schema/config.schema.json"],
  ] as const)
    assert.is(found.get(text), file, text);
});

test("German has the same values in it", () => {
  for (const [source, target] of Object.entries(german)) {
    assert.equal(holesOf(target), holesOf(source), source);
    assert.is.not(target.trim(), "", source);
  }
});

/** Names, addresses, numbers, paths: what is in the holes most of the time. */
const value = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_./:-]{0,19}$/);

test("whatever is in a text's holes, it is told from all others, and its values are kept", () => {
  const templates = Object.entries(german);
  fc.assert(
    fc.property(fc.constantFrom(...templates), fc.array(value, { minLength: 9, maxLength: 9 }), (template, values) => {
      const filled = (text: string) =>
        text.replace(/\{(\d)[^}]*\}/g, (hole, index: string) => {
          const own = values[Number(index) - 1] ?? "";
          return hole.includes("number") && /^[0-9.]+$/.test(own) ? numbers.format(Number(own)) : own;
        });
      assert.is(say(filled(template[0])), filled(template[1]));
    }),
    { numRuns: 5000 },
  );
});

test("no template is hidden by another one", () => {
  const names = ["eth0", "seg0", "10.143.0.1", "4"];
  const filled = (text: string) => text.replace(/\{(\d)[^}]*\}/g, (_hole, index) => names[Number(index) - 1] ?? "");
  const hidden = Object.entries(german).filter(([source, target]) => say(filled(source)) !== filled(target));
  assert.equal(hidden, []);
});

const small = translator(
  {
    Clock: "Uhr",
    none: "keine",
    "{1} is {2}": "{1} ist {2}",
    "{1} is not there: {2}": "{1} fehlt: {2 text}",
    "no answer from {1} in {2} ms (or 3*)": "nach {2 number} ms (oder 3*) keine Antwort von {1}",
    "segment {1}, {2}: {3}": "Segment {1}, {2 text}: {3 text}",
  },
  (number) => String(number).replace(".", ","),
);

test("what is not known stays as it is, a part of it too", () => {
  for (const text of ["", "something else", "Clock; something else", "no answer from x in y"])
    assert.is(small(text), text);
  assert.is(small("a is not there: something else"), "a fehlt: something else");
});

test("the template that says more is taken", () => {
  assert.is(small("seg0 is down"), "seg0 ist down");
  assert.is(small("seg0 is not there: none"), "seg0 fehlt: keine");
});

test("only what is itself a text of the gateway is translated within one; a name that is a word is not", () => {
  assert.is(small("none is Clock"), "none ist Clock");
  assert.is(small("segment none, clock: none"), "Segment none, Uhr: keine");
});

test("numbers are written as the language does; what is none stays", () => {
  assert.is(small("no answer from 1.5 in 2.5 ms (or 3*)"), "nach 2,5 ms (oder 3*) keine Antwort von 1.5");
  assert.is(small("no answer from a in b ms (or 3*)"), "nach b ms (oder 3*) keine Antwort von a");
});

test("texts that are told as one are told apart", () => {
  assert.is(
    small("none; no answer from a in 1 ms (or 3*); Clock"),
    "keine; nach 1 ms (oder 3*) keine Antwort von a; Uhr",
  );
  assert.is(small("clock: none"), "Uhr: keine");
  assert.is(small("mqtt://10.0.0.1:1883: none"), "mqtt://10.0.0.1:1883: keine");
});

test("the diagnosis' findings are German as a whole", () => {
  assert.is(
    say("segment seg0, station addresses: no answer from: alpha 10.143.0.21, beta 10.143.0.22"),
    "Segment seg0, Adressen der Stationen: keine Antwort von: alpha 10.143.0.21, beta 10.143.0.22",
  );
  assert.is(say("LAN router: nobody has the address 192.168.1.1"), "LAN-Router: niemand hat die Adresse 192.168.1.1");
  assert.is(say("192.168.1.1 answers in 1.25 ms"), "192.168.1.1 antwortet in 1,25 ms");
  assert.is(
    say("configuration: /mqtt/url: the secret is too short: it takes 12 characters"),
    "Konfiguration: /mqtt/url: das Geheimnis ist zu kurz: Es braucht 12 Zeichen",
  );
  assert.is(
    say("Number of the layer-2 network (VXLAN network identifier): the same on all its gateways. Example: 7 or 8."),
    "Nummer des Netzes der Schicht 2 (VXLAN Network Identifier): dieselbe auf allen seinen Gateways. Beispiel: 7 or 8.",
  );
});

test("in English, all is shown as the gateway says it", () => {
  assert.is(told({ message: "no link on eth0", nextStep: "Check the cable." }), "No link on eth0. Check the cable.");
});

test.run();
