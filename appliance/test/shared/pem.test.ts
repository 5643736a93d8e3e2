// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { certificatesIn, hasLockedKey, keyIn } from "../../src/shared/pem.ts";
import { decodeText, withoutMark } from "../../src/shared/text.ts";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const pkcs8 = String(privateKey.export({ type: "pkcs8", format: "pem" }));
const sec1 = String(privateKey.export({ type: "sec1", format: "pem" }));
/** Lines that people and programs put around a block. */
const around = fc.stringMatching(/^[A-Za-z0-9 :#=,.\ufeff\r\n]{0,60}\n?$/);

test("a key is found in whatever is around it, as it was", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(pkcs8, sec1),
      around,
      around,
      fc.constantFrom("\n", "\r\n", "\r\n  "),
      (key, a, b, end) => {
        const found = keyIn(`${a}${key.replaceAll("\n", end)}${b}`);
        assert.is(found, key);
        assert.ok(createPrivateKey(found ?? "").equals(privateKey));
      },
    ),
  );
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  assert.is(keyIn(`${parameters}${sec1}`), sec1);
});

test("a key with a passphrase is none, and is known as such, in both forms", () => {
  const cipher = "aes-128-cbc";
  for (const type of ["pkcs8", "sec1"] as const) {
    const locked = String(privateKey.export({ type, format: "pem", cipher, passphrase: "secret" }));
    assert.is(keyIn(locked), undefined);
    assert.ok(hasLockedKey(locked));
  }
  assert.not.ok(hasLockedKey(pkcs8));
  assert.is(keyIn("nothing"), undefined);
});

test("certificates come in order; one that is cut off is one that nobody can read, not none", () => {
  const one = "-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n";
  assert.equal(certificatesIn(`a\n${one}b${one.replaceAll("CERT", "X509 CERT").replace("QUFB", "QUJD")}`), [
    one,
    one.replace("QUFB", "QUJD"),
  ]);
  assert.is(certificatesIn(`${one}-----BEGIN CERTIFICATE-----\nQUFB`).length, 2);
  assert.equal(certificatesIn("none"), []);
});

test("text from any editor", () => {
  assert.is(decodeText(Buffer.from("\ufeff{}")), "{}");
  assert.is(decodeText(Buffer.from("\ufeff{}", "utf16le")), "{}");
  assert.is(decodeText(Buffer.from("é")), "é");
  assert.is(decodeText(Buffer.from([0xe9, 0x20])), undefined);
  assert.is(withoutMark("\ufeffa\ufeff"), "a\ufeff");
});

test.run();
