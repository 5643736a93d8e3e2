// SPDX-License-Identifier: Apache-2.0
/** Passwords as scrypt hashes. The parameters stand with each hash, so that they can grow. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/**
 * 32 MiB and some hundred milliseconds on a small board: as much as one that forwards packets at the same time can
 * spare.
 */
const COST = { N: 2 ** 15, r: 8, p: 1 };
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const FORMAT = /^scrypt\$([0-9]{1,8})\$([0-9]{1,2})\$([0-9]{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** One at a time: ten logins at once must not take 320 MiB. */
let queue: Promise<unknown> = Promise.resolve();
let waiting = 0;
/** More than some seconds of them would only keep those out who know their password. */
const MOST_WAITING = 8;

/** Whether another password would have to wait for too many others. */
export function passwordsBusy(): boolean {
  return waiting >= MOST_WAITING;
}

export async function hashPassword(password: string, random: (bytes: number) => Buffer = randomBytes): Promise<string> {
  const salt = random(SALT_BYTES);
  const key = await derive(password, salt, COST);
  return ["scrypt", COST.N, COST.r, COST.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Takes as long for a hash that is none: how long it takes must not tell whether an account exists. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const match = FORMAT.exec(hash ?? "");
  if (match === null) {
    await derive(password, Buffer.alloc(SALT_BYTES), COST);
    return false;
  }
  const [, N, r, p, salt = "", expected = ""] = match;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const wanted = Buffer.from(expected, "base64url");
  const key = await derive(password, Buffer.from(salt, "base64url"), cost);
  return wanted.length === key.length && timingSafeEqual(wanted, key);
}

function derive(password: string, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> {
  const result = queue.then(
    () =>
      new Promise<Buffer>((resolve, reject) => {
        const options = { ...cost, maxmem: 256 * cost.N * cost.r };
        scrypt(password.normalize("NFC"), salt, KEY_BYTES, options, (error, key) =>
          error === null ? resolve(key) : reject(error),
        );
      }),
  );
  waiting += 1;
  queue = result
    .catch(() => {})
    .then(() => {
      waiting -= 1;
    });
  return result;
}
