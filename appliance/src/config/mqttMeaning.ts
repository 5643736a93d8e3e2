// SPDX-License-Identifier: Apache-2.0
/** An address of a broker that can be; certificates and keys that are what they say, and fit each other. Nothing of a key is repeated in an error. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { ConfigError } from "../api/status.ts";
import { certificatesIn, keyIn } from "../shared/pem.ts";
import type { MqttConfig } from "./types.ts";
import { checkUrl } from "./urlMeaning.ts";

export function checkMqtt({ url, tls }: MqttConfig, errors: ConfigError[]): void {
  checkUrl("/mqtt/url", url, errors);
  if (tls.ca !== undefined) readCertificate("ca", tls.ca, errors);
  const certificate =
    tls.certificate === undefined ? undefined : readCertificate("certificate", tls.certificate, errors);
  const key = tls.key === undefined ? undefined : readKey(tls.key, errors);
  if (tls.certificate !== undefined && tls.key === undefined) {
    errors.push(problem("key", "the certificate needs its key", "Set mqtt.tls.key, or remove the certificate."));
  }
  if (certificate && key && !certificate.checkPrivateKey(key)) {
    errors.push(problem("key", "the key does not fit the certificate", "Set the two that were made together."));
  }
}

/** @returns the first of them */
function readCertificate(name: string, text: string, errors: ConfigError[]): X509Certificate | undefined {
  try {
    return certificatesIn(text).map((one) => new X509Certificate(one))[0];
  } catch {
    errors.push(problem(name, "this is not a certificate in PEM", "Paste the file from BEGIN to END, line ends too."));
    return undefined;
  }
}

function readKey(text: string, errors: ConfigError[]): KeyObject | undefined {
  try {
    return createPrivateKey(keyIn(text) ?? "");
  } catch {
    errors.push(problem("key", "this is not a key in PEM without a password", "`openssl pkey -in FILE` prints it so."));
    return undefined;
  }
}

function problem(name: string, message: string, nextStep: string): ConfigError {
  return { path: `/mqtt/tls/${name}`, message, nextStep };
}
