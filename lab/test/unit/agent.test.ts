// SPDX-License-Identifier: Apache-2.0
// The framing, and the client against a stand-in for the agent that runs here.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AgentClient } from "../../src/vm/agent-client.ts";
import { AGENT_MAGIC, encodeFrame, type Frame, FrameParser } from "../../src/vm/frames.ts";

const test = suite("agent");

const frame = (id: number, type: string, payload: string | number[]): Frame => ({
  id,
  type,
  payload: Buffer.from(payload as string),
});

test("frames come out as they went in, however the stream is cut and whatever was before", () => {
  const frames = fc.array(
    fc.record({
      id: fc.nat(0xffffff),
      type: fc.constantFrom("O", "E", "X", "H"),
      payload: fc.uint8Array({ maxLength: 50 }).map((data) => Buffer.from(data)),
    }),
  );
  const garbage = fc.uint8Array({ maxLength: 30 }).map((data) => Buffer.from(data.map((byte) => byte | 0x80)));
  fc.assert(
    fc.property(garbage, frames, fc.integer({ min: 1, max: 17 }), (before, sent, cut) => {
      const stream = Buffer.concat([before, Buffer.from(AGENT_MAGIC), ...sent.map(encodeFrame)]);
      const parser = new FrameParser();
      const got: Frame[] = [];
      for (let at = 0; at < stream.length; at += cut) got.push(...parser.push(stream.subarray(at, at + cut)));
      assert.is(got.length, sent.length);
      got.forEach((each, index) => {
        const other = sent[index];
        assert.is(each.id, other?.id);
        assert.is(each.type, other?.type);
        assert.ok(each.payload.equals(other?.payload ?? Buffer.alloc(0)));
      });
    }),
  );
});

test("a second greeting's answer between frames is no frame", () => {
  const parser = new FrameParser();
  const hello = Buffer.concat([Buffer.from(AGENT_MAGIC), encodeFrame(frame(0, "H", "1"))]);
  const got = parser.push(Buffer.concat([hello, hello, encodeFrame(frame(7, "O", "x"))]));
  assert.equal(
    got.map((each) => each.type),
    ["H", "H", "O"],
  );
});

/** Serves one agent on a socket; `answer` gets each frame that is not a greeting. */
async function withAgent(
  answer: (got: Frame, send: (frame: Frame) => void) => void,
  body: (client: AgentClient) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "scsigate-unit-"));
  const path = join(dir, "s");
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const parser = new FrameParser();
    parser.push(Buffer.from(AGENT_MAGIC));
    socket.on("data", (data) => {
      for (const got of parser.push(data)) {
        if (got.type === "H") socket.write(Buffer.concat([Buffer.from(AGENT_MAGIC), encodeFrame(got)]));
        else answer(got, (out) => socket.write(encodeFrame(out)));
      }
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new AgentClient(path);
  try {
    await client.greet(5000);
    await body(client);
  } finally {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test("commands that run side by side keep their outputs apart", async () => {
  const waiting: (() => void)[] = [];
  await withAgent(
    (got, send) => {
      if (got.type !== "R") return;
      send(frame(got.id, "O", `out of ${got.payload}`));
      send(frame(got.id, "E", "err"));
      waiting.push(() => send(frame(got.id, "X", [0, got.id])));
      if (waiting.length === 3) for (const end of waiting.toReversed()) end();
    },
    async (client) => {
      const commands = ["a", "b", "c"].map((name) => client.start(name));
      const results = await Promise.all(commands.map((command) => command.done));
      assert.equal(results, [
        { code: 1, stdout: "out of a", stderr: "err" },
        { code: 2, stdout: "out of b", stderr: "err" },
        { code: 3, stdout: "out of c", stderr: "err" },
      ]);
    },
  );
});

test("a signal counts as shells count it; a command that could not start is an error", async () => {
  await withAgent(
    (got, send) => send(frame(got.id, "X", String(got.payload) === "killed" ? [1, 9] : [2, 12])),
    async (client) => {
      assert.is((await client.start("killed").done).code, 137);
      const error = await client.start("nothing").done.then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      assert.match(error?.message ?? "", "errno 12");
    },
  );
});

test("commands fail when the VM goes away under them", async () => {
  await withAgent(
    () => undefined,
    async (client) => {
      const command = client.start("sleep");
      client.close();
      const error = await command.done.then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      assert.match(error?.message ?? "", "connection to the VM was lost");
    },
  );
});

test("a greeting that nobody waits for any more ends", async () => {
  const nobody = new AbortController();
  const greeting = new AgentClient("/nowhere/agent").greet(3_600_000, nobody.signal);
  nobody.abort(new Error("gone"));
  await greeting.then(
    () => assert.unreachable("it ended well"),
    (error: Error) => assert.is(error.message, "gone"),
  );
});

test.run();
