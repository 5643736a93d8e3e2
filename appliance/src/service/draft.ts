// SPDX-License-Identifier: Apache-2.0
/** A document that somebody works on over several requests. Nothing of it holds before it is applied. */
import { joinSecrets, type SecretChanges, takeSecrets } from "../config/secrets.ts";

export class Draft {
  /** Without secrets. */
  readonly document: unknown;
  /** ETag of the document that it was begun from: applied to another one, it would undo what has changed. */
  readonly base: string;
  /** Only what it says of them: the others may change meanwhile. */
  readonly #secrets: SecretChanges;

  /**
   * @param document may have secrets in it
   * @param before that it replaces; what that one said of secrets goes on to hold
   * @param etag of the document that holds
   */
  constructor(document: unknown, before: Draft | undefined, etag: string) {
    const { document: rest, changes } = takeSecrets(document);
    this.document = rest;
    this.base = before?.base ?? etag;
    this.#secrets = { ...(before === undefined ? {} : before.#secrets), ...changes };
  }

  /** The document with what it says of secrets. */
  get whole(): unknown {
    return joinSecrets(this.document, this.#secrets);
  }
}
