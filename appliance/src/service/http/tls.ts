// SPDX-License-Identifier: Apache-2.0
/** The gateway's own key and certificate, made by openssl at first start and kept. */
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommandRunner } from "../../shared/commands.ts";
import { ScsigateError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";

export interface TlsMaterial {
  key: string;
  certificate: string;
}

/** Twenty years: boards have no battery-backed clock, and browsers warn of a self-signed certificate in any case. */
const DAYS = "7300";

/**
 * Reads the key and certificate; makes them when either is missing or unreadable.
 * @param data /data/scsigate
 * @throws ScsigateError tls-key-failed
 */
export async function ensureTls(data: string, hostname: string, run: CommandRunner, log: Logger): Promise<TlsMaterial> {
  const folder = join(data, "tls");
  const present = await read(folder);
  if (present !== undefined) return present;
  log.info("making a TLS key");
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await make(folder, hostname, run);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ScsigateError(
      "tls-key-failed",
      `no TLS key could be made: ${reason}`,
      "Check the data partition and openssl.",
      {
        cause: error,
      },
    );
  }
  const made = await read(folder);
  if (made !== undefined) return made;
  throw new ScsigateError(
    "tls-key-failed",
    "openssl made a key that cannot be read",
    "Remove the folder tls and restart.",
  );
}

async function read(folder: string): Promise<TlsMaterial | undefined> {
  try {
    const key = await readFile(join(folder, "key.pem"), "utf8");
    const certificate = await readFile(join(folder, "certificate.pem"), "utf8");
    new X509Certificate(certificate); // throws when a power cut left half a file
    return key.includes("PRIVATE KEY") ? { key, certificate } : undefined;
  } catch {
    return undefined;
  }
}

async function make(folder: string, hostname: string, run: CommandRunner): Promise<void> {
  const path = (name: string) => join(folder, name);
  // A configuration of our own: the image need not carry openssl's.
  const settings = [
    "[req]",
    "distinguished_name=name",
    "x509_extensions=extensions",
    "prompt=no",
    "[name]",
    `CN=${hostname}`,
    "[extensions]",
    `subjectAltName=DNS:${hostname},DNS:${hostname}.local`,
    "basicConstraints=critical,CA:false",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=serverAuth",
    "",
  ].join("\n");
  await writeFile(path("openssl.cnf"), settings);
  // The file exists with its mode before the key is in it.
  await writeFile(path("key.pem.new"), "", { mode: 0o600 });
  await chmod(path("key.pem.new"), 0o600);
  await run(
    "openssl",
    [
      ...["req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"],
      ...["-days", DAYS, "-config", path("openssl.cnf")],
      ...["-keyout", path("key.pem.new"), "-out", path("certificate.pem.new")],
    ],
    { timeoutMs: 60_000 },
  );
  await chmod(path("key.pem.new"), 0o600);
  await rename(path("key.pem.new"), path("key.pem"));
  await rename(path("certificate.pem.new"), path("certificate.pem"));
  await rm(path("openssl.cnf"), { force: true });
}
