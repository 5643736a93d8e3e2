// SPDX-License-Identifier: Apache-2.0
// Requests that do not come to their end, on a real connection.
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Access } from "../../src/service/access/access.ts";
import { Dispatcher } from "../../src/service/http/dispatcher.ts";
import { json, type Route } from "../../src/service/http/router.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { until } from "../support/machine.ts";
import { ManualClock } from "../support/manualClock.ts";

interface Context {
  clock: ManualClock;
  server: Server;
  /** Requests that came. */
  came: number;
}

const ROUTES: Route[] = [
  { method: "POST", path: "/body", access: "open", body: "Login", handler: () => json({}) },
  {
    ...{ method: "POST", path: "/file", access: "open", upload: true },
    async handler({ raw }) {
      let bytes = 0;
      for await (const chunk of raw as AsyncIterable<Buffer>) bytes += chunk.length;
      return json({ bytes });
    },
  },
];

const slow = suite<Context>("a body that comes byte by byte");
slow.before.each(async (context) => {
  context.clock = new ManualClock();
  context.came = 0;
  const access = { identify: () => ({ scope: null, via: "none" }) } as unknown as Access;
  const dispatcher = new Dispatcher(ROUTES, access, context.clock, silentLogger());
  context.server = createServer((request, response) => {
    context.came += 1;
    void dispatcher.serve(request, response, false);
  });
  await new Promise<void>((resolve) => context.server.listen(0, "127.0.0.1", resolve));
});
slow.after.each(({ server }) => {
  server.closeAllConnections();
  server.close();
});

function begin({ server }: Context, path: string) {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  let answer = "";
  socket.on("data", (data: Buffer) => {
    answer += data.toString();
  });
  socket.on("error", () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nab`);
  return { socket, answer: () => answer };
}

slow("is not waited for", async (context) => {
  const { socket, answer } = begin(context, "/body");
  await until("it came", () => context.came === 1);
  await context.clock.pass(14_000);
  assert.not(socket.destroyed);
  await context.clock.pass(2000);
  await until("it is cut off", () => socket.destroyed);
  assert.is(answer(), "");
});

slow("is, where it is a file", async (context) => {
  const { socket, answer } = begin(context, "/file");
  await until("it came", () => context.came === 1);
  await context.clock.pass(600_000);
  socket.write("cd");
  await until("its answer", () => answer().includes('{"bytes":4}'));
  socket.destroy();
});

slow.run();
