// SPDX-License-Identifier: Apache-2.0
/** Checks of a key and its certificates, and what a certificate says. No message has a part of a key in it. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateInfo } from "../../api/certificate.ts";
import { ScsigateError } from "../../shared/errors.ts";
import { certificatesIn, hasLockedKey, keyIn } from "../../shared/pem.ts";

/** What the page is served with: PEM. */
export interface TlsMaterial {
  key: string;
  /** The certificate itself, then those that vouch for it. */
  certificate: string;
}

const DAY_MS = 24 * 3600 * 1000;
/** Longest chain that is sent to each client. */
const MAX_CHAIN = 8;
/** Shorter ones are refused by browsers, bits. */
const MIN_RSA_BITS = 2048;
const SERVER_AUTHENTICATION = "1.3.6.1.5.5.7.3.1";

/**
 * Checks that a key and its certificates belong together and can be used now.
 * @param now milliseconds since 1970
 * @returns them in one form: PKCS #8, and only the certificates
 * @throws ScsigateError certificate-invalid
 */
export function checkTls(material: TlsMaterial, now: number): TlsMaterial {
  const chain = parseChain(material.certificate);
  const key = parseKey(material.key);
  const [own] = chain as [X509Certificate];
  if (!own.checkPrivateKey(key)) {
    const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
    throw at > 0
      ? invalid(`the key fits certificate ${at + 1}, not the first one`, "Put the gateway's own certificate first.")
      : invalid("the key does not fit the certificate", "Give the key that the certificate was made for.");
  }
  checkOrder(chain);
  chain.forEach((certificate, index) => {
    checkDates(certificate, index, now);
  });
  if (own.ca) {
    throw invalid("this is the certificate of an authority, not of a server", "Have it issue one for this gateway.");
  }
  // Node's name for the extended key usage; absent means any.
  const usage: readonly string[] | undefined = own.keyUsage;
  if (usage !== undefined && !usage.includes(SERVER_AUTHENTICATION)) {
    throw invalid("the certificate is not for servers", "Have it made with the extended key usage serverAuth.");
  }
  const checked = {
    key: String(key.export({ type: "pkcs8", format: "pem" })),
    certificate: chain.map((certificate) => certificate.toString()).join(""),
  };
  try {
    createSecureContext({ key: checked.key, cert: checked.certificate, minVersion: "TLSv1.2" });
  } catch {
    throw invalid(
      "OpenSSL cannot use this key and certificate",
      "Use RSA with 2048 bits or more, or P-256, with SHA-256.",
    );
  }
  return checked;
}

/** What its owner may know of a certificate. */
export function describeCertificate(pem: string, now: number): CertificateInfo {
  const chain = parseChain(pem);
  const [own] = chain as [X509Certificate];
  return {
    subject: oneLine(own.subject),
    issuer: oneLine(own.issuer),
    names: own.subjectAltName?.split(", ") ?? [],
    notBefore: new Date(own.validFrom).toISOString(),
    notAfter: new Date(own.validTo).toISOString(),
    daysLeft: Math.floor((Date.parse(own.validTo) - now) / DAY_MS),
    fingerprint: own.fingerprint256,
    selfSigned: own.subject === own.issuer && own.verify(own.publicKey),
    chainLength: chain.length,
  };
}

function parseChain(pem: string): X509Certificate[] {
  const blocks = certificatesIn(pem);
  if (blocks.length === 0) {
    throw invalid("there is no certificate in PEM form", "It starts with -----BEGIN CERTIFICATE-----.");
  }
  if (blocks.length > MAX_CHAIN) throw invalid(`more than ${MAX_CHAIN} certificates`, "Leave out what is not needed.");
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw invalid(`certificate ${index + 1} cannot be read`, "Copy it anew: something is missing or was changed.");
    }
  });
}

function parseKey(pem: string): KeyObject {
  const found = keyIn(pem);
  if (found === undefined && hasLockedKey(pem)) {
    throw invalid("the key is locked with a passphrase", "Unlock it: openssl pkey -in locked.pem -out key.pem");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: found ?? "", format: "pem" });
  } catch {
    throw invalid("the key cannot be read", "Give it in PEM form: it starts with -----BEGIN PRIVATE KEY-----.");
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== "rsa" && type !== "ec") {
    throw invalid(`browsers take no key of type ${type ?? "unknown"}`, "Use RSA with 2048 bits or more, or P-256.");
  }
  const bits = details?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    throw invalid(`an RSA key of ${bits} bits is too short`, `Use ${MIN_RSA_BITS} bits or more.`);
  }
  return key;
}

/** Each is issued by the next one. */
function checkOrder(chain: readonly X509Certificate[]): void {
  chain.slice(1).forEach((issuer, index) => {
    const certificate = chain[index];
    if (certificate?.checkIssued(issuer) && certificate.verify(issuer.publicKey)) return;
    throw invalid(
      `certificate ${index + 2} (${oneLine(issuer.subject)}) did not issue certificate ${index + 1}`,
      "Order them: the gateway's own, then the one that issued it, and so on. Leave out what does not belong.",
    );
  });
}

function checkDates({ validFrom, validTo }: X509Certificate, index: number, now: number): void {
  if (now < Date.parse(validFrom)) {
    const message = `certificate ${index + 1} holds from ${validFrom} on; the gateway's clock says ${date(now)}`;
    throw invalid(message, "If the clock is wrong, see to it first; else wait, or have a new one issued.");
  }
  if (now > Date.parse(validTo)) {
    const message = `certificate ${index + 1} ended on ${validTo}; the gateway's clock says ${date(now)}`;
    throw invalid(message, "Have a new one issued; if the clock is wrong, see to it first.");
  }
}

function date(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** A distinguished name has a line for each part. */
function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}

function invalid(message: string, nextStep: string): ScsigateError {
  return new ScsigateError("certificate-invalid", message, nextStep);
}
