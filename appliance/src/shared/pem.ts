// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates and keys in a text (RFC 7468). Files of others have more in them: a byte order mark, comments, the "Bag Attributes" of
 * PKCS #12, parameters of a curve, blanks in front of lines. All of that is left out, here and nowhere else.
 */

const BEGIN = /-----BEGIN (?:X509 )?CERTIFICATE-----/;
const END = /-----END (?:X509 )?CERTIFICATE-----/;
const KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----([^-]*)-----END \1-----/;
const LOCKED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^\s*Proc-Type: *4,ENCRYPTED/m;

/** All certificates in a text, in order, each with nothing around it. One that is damaged is not left out: nobody can read it. */
export function certificatesIn(text: string): string[] {
  const [, ...parts] = text.split(BEGIN);
  return parts.map((part) => block("CERTIFICATE", part.split(END)[0] ?? ""));
}

/** The first key in a text that has no passphrase, with nothing around it; undefined when there is none. */
export function keyIn(text: string): string | undefined {
  const [, label, body = ""] = KEY.exec(text) ?? [];
  return label === undefined || label.startsWith("ENCRYPTED") ? undefined : block(label, body);
}

/** Whether a text has a key that needs a passphrase. */
export function hasLockedKey(text: string): boolean {
  return LOCKED.test(text);
}

function block(label: string, body: string): string {
  const lines = body.replace(/\s+/g, "").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
