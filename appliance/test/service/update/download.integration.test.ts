// SPDX-License-Identifier: Apache-2.0
// A bundle from a real web server that misbehaves.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { download } from "../../../src/service/update/download.ts";
import { BUNDLE_NAME, openIncoming, updateFolder } from "../../../src/service/update/receive.ts";
import { systemClock } from "../../../src/shared/clock.ts";
import { ScsigateError } from "../../../src/shared/errors.ts";

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));

interface Context {
  data: string;
  server: Server;
  url: string;
  /** Requests' ranges, in order. */
  asked: (string | undefined)[];
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void;
  abort: AbortController;
  progress: number[];
}

const downloads = suite<Context>("downloads");
downloads.before.each(async (context) => {
  context.data = mkdtempSync(join(tmpdir(), "scsigate-download-"));
  context.asked = [];
  context.progress = [];
  context.abort = new AbortController();
  context.server = createServer((request, response) => {
    context.asked.push(request.headers.range);
    context.answer(request, response, context.asked.length);
  });
  await new Promise<void>((resolve) => context.server.listen(0, "127.0.0.1", resolve));
  context.url = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}/u.raucb`;
});
downloads.after.each(({ server, data }) => {
  server.closeAllConnections();
  server.close();
  rmSync(data, { recursive: true });
});

/** @returns "done", or the code of what went wrong */
async function run({ data, url, abort, progress }: Context): Promise<string> {
  const file = await openIncoming(data);
  const clock = { ...systemClock, after: (time: number, done: () => void) => systemClock.after(time / 100, done) };
  const onProgress = (bytes: number) => progress.push(bytes);
  try {
    await download({ url, file, data, clock, signal: abort.signal, onProgress });
    return "done";
  } catch (error) {
    return error instanceof ScsigateError ? `${error.code}: ${error.message}` : String(error);
  } finally {
    await file.close();
  }
}

function received({ data }: Context): Buffer {
  return readFileSync(join(updateFolder(data), BUNDLE_NAME));
}

/** As much as is asked for, but the connection breaks after so many bytes. */
function serve(request: IncomingMessage, response: ServerResponse, breakAfter: number, etag: string): void {
  const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const resumes = from > 0 && request.headers["if-range"] === etag;
  const rest = CONTENT.subarray(resumes ? from : 0);
  response.writeHead(resumes ? 206 : 200, { "Content-Length": rest.length, ETag: etag });
  response.write(rest.subarray(0, breakAfter), () => {
    if (rest.length <= breakAfter) response.end();
    else response.destroy();
  });
}

downloads("a connection that breaks goes on where it broke", async (context) => {
  context.answer = (request, response) => serve(request, response, 120_000, '"one"');
  assert.is(await run(context), "done");
  assert.equal(received(context), CONTENT);
  assert.is(context.asked[0], undefined);
  assert.ok(context.asked.length >= 3 && context.asked.slice(1).every((range) => /^bytes=[1-9]/.test(range ?? "")));
  assert.is(context.progress.at(-1), CONTENT.length);
});

downloads("a file that is another one meanwhile is begun anew", async (context) => {
  context.answer = (request, response, count) => {
    serve(request, response, count === 1 ? 120_000 : CONTENT.length, count === 1 ? '"old"' : '"new"');
  };
  assert.is(await run(context), "done");
  assert.equal(received(context), CONTENT);
});

downloads("a server that names its file by nothing is asked for all of it again", async (context) => {
  context.answer = (_request, response, count) => {
    response.writeHead(200, { "Content-Length": CONTENT.length });
    response.write(count === 1 ? CONTENT.subarray(0, 1000) : CONTENT, () => {
      if (count === 1) response.destroy();
      else response.end();
    });
  };
  assert.is(await run(context), "done");
  assert.equal(context.asked, [undefined, undefined]);
  assert.equal(received(context), CONTENT);
});

downloads("a redirect is followed, not for ever", async (context) => {
  context.answer = (request, response) => {
    if (request.url === "/there") serve(request, response, CONTENT.length, '"one"');
    else response.writeHead(302, { Location: "/there" }).end();
  };
  assert.is(await run(context), "done");
  context.answer = (_request, response) => void response.writeHead(302, { Location: "/u.raucb" }).end();
  assert.match(await run(context), "update-download-failed: the bundle could not be fetched: the server sends us on");
  context.answer = (_request, response) => void response.writeHead(302, { Location: "file:///etc/passwd" }).end();
  assert.match(await run(context), "the server sends us on to file:///etc/passwd");
});

downloads("what cannot get better ends at once; what may is tried again, and then ends too", async (context) => {
  context.answer = (_request, response) => void response.writeHead(404).end();
  assert.match(await run(context), "the server says 404");
  assert.is(context.asked.length, 1);
  context.answer = (_request, response) => void response.writeHead(503).end();
  assert.match(await run(context), "the server says 503");
  assert.is(context.asked.length, 7);
  context.answer = (_request, response) => {
    response.writeHead(200, { "Content-Length": 2 ** 31 });
    response.write("x");
  };
  assert.match(await run(context), "update-too-long");
});

downloads("it can be cancelled", async (context) => {
  context.answer = (_request, response) => {
    response.writeHead(200, { "Content-Length": CONTENT.length });
    response.write(CONTENT.subarray(0, 1000), () => context.abort.abort());
  };
  assert.match(await run(context), "it was cancelled");
});

downloads.run();
