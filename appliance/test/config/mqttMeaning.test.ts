// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";
import { makeCertificates } from "../support/mosquitto.ts";

const made = makeCertificates(["one", "other"]);
const [certificate = "", key = ""] = made.signed["one"] ?? [];
const [, otherKey = ""] = made.signed["other"] ?? [];

/** What is wrong with this mqtt.tls. */
function complaints(tls: Record<string, unknown>): string[] {
  const result = validate({ version: 1, mqtt: { tls } });
  return result.valid ? [] : result.errors.map((error) => `${error.path}: ${error.message}`);
}

test("a CA, and a certificate with its key", () => {
  assert.equal(complaints({ ca: made.ca, certificate, key }), []);
  assert.equal(complaints({ ca: `${made.ca}\n${certificate}` }), []);
});

test("what others put around certificates and keys does no harm", () => {
  const bag = "Bag Attributes\r\n    localKeyID: 01\r\nsubject=CN = one\r\n";
  const dressed = (pem: string): string => `\ufeff# a comment\r\n${bag}${pem.replaceAll("\n", "\r\n  ")}# the end`;
  assert.equal(complaints({ ca: dressed(made.ca), certificate: dressed(certificate), key: dressed(key) }), []);
  const cut = `${made.ca}${certificate.slice(0, 300)}`;
  assert.equal(complaints({ ca: cut }), ["/mqtt/tls/ca: this is not a certificate in PEM"]);
});

test("a certificate without its key, or with another one", () => {
  assert.equal(complaints({ certificate }), ["/mqtt/tls/key: the certificate needs its key"]);
  assert.equal(complaints({ certificate, key: otherKey }), ["/mqtt/tls/key: the key does not fit the certificate"]);
});

test("what only looks like PEM", () => {
  const empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.equal(complaints({ ca: empty }), ["/mqtt/tls/ca: this is not a certificate in PEM"]);
  const noKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  assert.equal(complaints({ certificate, key: noKey }), ["/mqtt/tls/key: this is not a key in PEM without a password"]);
});

test("an error about a secret does not repeat it", () => {
  const broken = key.replace("\n-----END", "trailing secret words\n-----END");
  const said = JSON.stringify(complaints({ certificate, key: broken }));
  assert.match(said, "/mqtt/tls/key");
  assert.not.match(said, "secret words");
  assert.not.ok(said.includes(key.split("\n")[1] ?? "?"));
  assert.not.match(JSON.stringify(validate({ version: 1, mqtt: { password: "p".repeat(2000) } })), "ppp");
});

test.run();
