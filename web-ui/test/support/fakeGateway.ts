// SPDX-License-Identifier: Apache-2.0
/** Answers of a gateway for what runs without a browser: fetch, and the storage of a page. */

interface Reply {
  status?: number;
  body?: unknown;
  etag?: string;
}

export class FakeGateway {
  /** By method and path without its query; what is not here is not answered. */
  readonly replies = new Map<string, (init: RequestInit) => Reply>();
  /** What was asked, oldest first. */
  readonly asked: string[] = [];
  /** Queries of the same. */
  readonly queries: string[] = [];
  readonly #before = { fetch: globalThis.fetch, sessionStorage: globalThis.sessionStorage };

  /** From now on, all that is fetched comes from here. */
  start(): void {
    const stored = new Map<string, string>();
    const storage = {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
    };
    Object.assign(globalThis, {
      sessionStorage: storage,
      fetch: async (path: string, init: RequestInit) => {
        const name = `${init.method} ${path.split("?")[0]}`;
        this.asked.push(name);
        this.queries.push(path.split("?")[1] ?? "");
        const reply = this.replies.get(name);
        if (reply === undefined) throw new Error(`no answer to ${name}`);
        const { status = 200, body, etag = '"1"' } = reply(init);
        const headers = { "Content-Type": "application/json", ETag: etag };
        return new Response(JSON.stringify(body ?? null), { status, headers });
      },
    });
  }

  stop(): void {
    Object.assign(globalThis, this.#before);
  }

  on(name: string, reply: Reply | ((init: RequestInit) => Reply)): void {
    this.replies.set(name, typeof reply === "function" ? reply : () => reply);
  }
}
