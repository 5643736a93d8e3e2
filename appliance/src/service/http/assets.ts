// SPDX-License-Identifier: Apache-2.0
/** The web UI's files, read into memory once: a request can name one of them, and nothing else. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { hasAlready } from "./etag.ts";
import type { Route } from "./router.ts";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** In Accept-Encoding, unless it is said that it is not wanted. */
const GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i;
/** A name with a hash in it never changes its content. */
const HASHED = /-[0-9A-Z]{8}\.[a-z]+$/;

/**
 * @param folder the built web UI; when it is absent, there are no routes. A file x.gz is served in the place of x to
 * clients that take it.
 */
export function assetRoutes(folder: string): Route[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const routes: Route[] = [];
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const plain = readFileSync(join(folder, name));
    const packed = names.includes(`${name}.gz`) ? readFileSync(join(folder, `${name}.gz`)) : undefined;
    const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 16)}"`;
    const headers = {
      "Content-Type": type,
      "Cache-Control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
      ETag: etag,
      Vary: "Accept-Encoding",
    };
    const handler: Route["handler"] = ({ raw }) => {
      if (hasAlready(raw.headers["if-none-match"], etag)) return { status: 304, headers };
      const takesGzip = GZIP.test(String(raw.headers["accept-encoding"] ?? ""));
      if (packed !== undefined && takesGzip) {
        return { status: 200, headers: { ...headers, "Content-Encoding": "gzip" }, body: packed };
      }
      return { status: 200, headers, body: plain };
    };
    routes.push({ method: "GET", path: `/${name}`, access: "open", handler });
    if (name === "index.html") routes.push({ method: "GET", path: "/", access: "open", handler });
  }
  return routes;
}
