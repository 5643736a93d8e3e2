// SPDX-License-Identifier: Apache-2.0
/**
 * The page's key and certificate: made at first start, replaced while the page goes on, kept in one file, so that a
 * power cut leaves either the old or the new pair.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CertificateInfo } from "../../api/certificate.ts";
import type { Clock } from "../../shared/clock.ts";
import type { CommandRunner } from "../../shared/commands.ts";
import { writeDurably } from "../../shared/durable.ts";
import { errnoOf, type Problem, ScsigateError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { checkTls, describeCertificate, type TlsMaterial } from "./certificate.ts";

/** Below the data folder: the key, then the certificates. */
export const TLS_FILE = "tls/server.pem";
/** Twenty years: boards have no battery-backed clock, and browsers warn of a self-signed certificate in any case. */
const DAYS = "7300";
/** How long before its end a certificate is complained of, milliseconds. */
const WARN_MS = 30 * 24 * 3600 * 1000;

export interface CertificateOptions {
  /** /data/scsigate */
  data: string;
  /** A folder of ours in memory: there is one even where the data partition takes nothing. */
  scratch: string;
  run: CommandRunner;
  clock: Clock;
  log: Logger;
}

export class Certificates {
  readonly #options: CertificateOptions;
  #material: TlsMaterial | undefined;
  /** When its certificate ends, milliseconds since 1970. */
  #ends: number | undefined;
  #fingerprint: string | undefined;
  /** Why the pair in use is gone after a restart. */
  #unsaved: Problem | undefined;
  /** Has the page use another pair. @throws what OpenSSL says */
  #use: (material: TlsMaterial) => void = () => {};
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: CertificateOptions) {
    this.#options = options;
  }

  /**
   * Reads the pair; makes one when it is missing or damaged. On a disk that does not take it, or does not give the one
   * that is there, the new pair holds until the next start: there is always a page.
   * @throws ScsigateError tls-key-failed
   */
  async open(hostname: string): Promise<TlsMaterial> {
    const { data, log } = this.#options;
    let unreadable: unknown;
    const present = await read(join(data, TLS_FILE)).catch((error: unknown) => {
      unreadable = error;
      return undefined;
    });
    if (present !== undefined) return this.#keep(present);
    log.info("making a TLS key");
    const made = await this.#make(hostname).catch((error: unknown) => {
      throw keyFailed(error);
    });
    // One that is there, and cannot be read now, may be its owner's: it is not written over.
    if (unreadable === undefined) await this.#store(made).catch((error: unknown) => this.#complain("stored", error));
    else this.#complain("read", unreadable);
    return this.#keep(made);
  }

  #complain(what: "read" | "stored", error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#unsaved = {
      code: "certificate-unsaved",
      message: `the page's key cannot be ${what}: ${reason}; the page has one that is gone after a restart`,
      nextStep: "Check that the data partition is mounted for writing and has room; browsers warn of the other key.",
    };
    this.#options.log.error({ problem: this.#unsaved }, "certificate");
  }

  /** The page is there: what replaces the pair is given to it. */
  attach(use: (material: TlsMaterial) => void): void {
    this.#use = use;
  }

  /** @throws ScsigateError tls-key-failed while there is none */
  get pem(): string {
    if (this.#material === undefined) throw keyFailed(new Error("there is no certificate yet"));
    return this.#material.certificate;
  }

  /** @throws ScsigateError tls-key-failed while there is none */
  get info(): CertificateInfo {
    return describeCertificate(this.pem, this.#options.clock.now());
  }

  /** SHA-256; undefined while there is no certificate. */
  get fingerprint(): string | undefined {
    return this.#fingerprint;
  }

  /** The key, for keeping it out of something. */
  get secrets(): string[] {
    return this.#material === undefined ? [] : [this.#material.key];
  }

  /** That the pair is not kept, or that the certificate ends soon, or has ended. */
  get problem(): Problem | undefined {
    if (this.#unsaved !== undefined) return this.#unsaved;
    const ends = this.#ends;
    const now = this.#options.clock.now();
    if (ends === undefined || now < ends - WARN_MS) return undefined;
    const when = new Date(ends).toISOString().slice(0, 10);
    return {
      code: "certificate-ends",
      message: now > ends ? `the page's certificate ended on ${when}` : `the page's certificate ends on ${when}`,
      nextStep: "Replace it under System, or have the gateway make one: scsigate certificate regenerate.",
    };
  }

  /**
   * Uses another key and certificate from the next connection on; with one that cannot be used or stored, the old pair
   * stays.
   * @throws ScsigateError certificate-invalid or data-unwritable
   */
  replace(material: TlsMaterial): Promise<CertificateInfo> {
    return this.#inTurn(() => this.#replace(checkTls(material, this.#options.clock.now())));
  }

  /** Makes a new key with a certificate of its own. @throws ScsigateError tls-key-failed or data-unwritable */
  regenerate(hostname: string): Promise<CertificateInfo> {
    return this.#inTurn(async () => {
      const made = await this.#make(hostname).catch((error: unknown) => {
        throw keyFailed(error);
      });
      return this.#replace(made);
    });
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(action);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #replace(material: TlsMaterial): Promise<CertificateInfo> {
    const before = this.#material;
    this.#use(material);
    try {
      await this.#store(material);
    } catch (error) {
      if (before !== undefined) this.#use(before);
      const reason = error instanceof Error ? error.message : String(error);
      throw new ScsigateError(
        "data-unwritable",
        `the data partition does not take the certificate: ${reason}; the old one stays`,
        "Check that the partition is mounted for writing and has room.",
        { cause: error },
      );
    }
    this.#unsaved = undefined;
    this.#keep(material);
    this.#options.log.info({ fingerprint: this.info.fingerprint, until: this.info.notAfter }, "certificate replaced");
    return this.info;
  }

  #keep(material: TlsMaterial): TlsMaterial {
    this.#material = material;
    const { notAfter, fingerprint } = this.info;
    this.#ends = Date.parse(notAfter);
    this.#fingerprint = fingerprint;
    return material;
  }

  async #store({ key, certificate }: TlsMaterial): Promise<void> {
    const file = join(this.#options.data, TLS_FILE);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeDurably(file, `${key.trimEnd()}\n${certificate.trimEnd()}\n`, 0o600);
  }

  async #make(hostname: string): Promise<TlsMaterial> {
    const { scratch, run } = this.#options;
    // A configuration of our own: the image need not carry openssl's.
    const folder = await mkdtemp(join(scratch, "tls-"));
    const settings = join(folder, "openssl.cnf");
    await writeFile(
      settings,
      [
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
      ].join("\n"),
    );
    // Both go to standard output: no file has the key before it is stored with its mode.
    const made = await run(
      "openssl",
      [
        ...["req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"],
        ...["-days", DAYS, "-config", settings, "-keyout", "-", "-out", "-"],
      ],
      { timeoutMs: 60_000 },
    ).finally(() => rm(folder, { recursive: true, force: true }));
    return checkPair(split(made));
  }
}

/** Undefined when there is none, or it is damaged. @throws what the system says to a file that cannot be read */
async function read(path: string): Promise<TlsMaterial | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return checkPair(split(text));
  } catch {
    return undefined;
  }
}

/** Its dates do not matter: clocks jump, and an old certificate is better than none. */
function checkPair(material: TlsMaterial): TlsMaterial {
  return checkTls(material, Date.parse(describeCertificate(material.certificate, 0).notBefore));
}

function split(text: string): TlsMaterial {
  const at = text.indexOf("-----BEGIN CERTIFICATE-----");
  return at < 0 ? { key: text, certificate: "" } : { key: text.slice(0, at), certificate: text.slice(at) };
}

function keyFailed(error: unknown): ScsigateError {
  const reason = error instanceof Error ? error.message : String(error);
  const nextStep = "Check that openssl is there, and that /run has room.";
  return new ScsigateError("tls-key-failed", `no TLS key could be made: ${reason}`, nextStep, { cause: error });
}
