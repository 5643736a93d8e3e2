// SPDX-License-Identifier: Apache-2.0
import { mock } from "node:test";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Connection, type ConnectionState } from "../src/core/connection.ts";

/** The browser's, as far as a connection uses it. */
class FakeSource extends EventTarget {
  static opened: FakeSource[] = [];
  constructor() {
    super();
    FakeSource.opened.push(this);
  }
  close(): void {}
  say(): void {
    this.dispatchEvent(new MessageEvent("status", { data: "{}" }));
  }
}

interface Context {
  connection: Connection;
  heard: ConnectionState[];
  /** What asking who the user is comes to. */
  prepare: () => Promise<boolean>;
  /** Time passes, and what waits for it is done. */
  pass(milliseconds: number): Promise<void>;
}

const connection = suite<Context>("connection");
const before = globalThis.EventSource;

connection.before.each((context) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeSource.opened = [];
  globalThis.EventSource = FakeSource as unknown as typeof EventSource;
  context.heard = [];
  context.prepare = async () => true;
  context.connection = new Connection("/events", {
    prepare: () => context.prepare(),
    onStatus: () => {},
    onTransaction: () => {},
    onState: (state) => {
      if (context.heard.at(-1) !== state) context.heard.push(state);
    },
  });
  context.pass = async (milliseconds) => {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      mock.timers.tick(100);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  };
});

connection.after.each((context) => {
  context.connection.stop();
  mock.timers.reset();
  globalThis.EventSource = before;
});

async function goLive({ connection: it, pass }: Context): Promise<void> {
  it.restart();
  await pass(100);
  FakeSource.opened.at(-1)?.say();
}

connection("one that is cut and let in again is not told as lost", async (context) => {
  await goLive(context);
  FakeSource.opened.at(-1)?.dispatchEvent(new Event("error"));
  await context.pass(1500);
  assert.is(FakeSource.opened.length, 2);
  FakeSource.opened.at(-1)?.say();
  assert.equal(context.heard, ["live"]);
});

connection("silence is told as lost, and asked into until there is an answer", async (context) => {
  await goLive(context);
  context.prepare = () => Promise.reject(new Error("nobody answers"));
  FakeSource.opened.at(-1)?.dispatchEvent(new Event("error"));
  await context.pass(9000);
  assert.equal(context.heard, ["live"]);
  await context.pass(30_000);
  assert.equal(context.heard, ["live", "lost"]);
  context.prepare = async () => true;
  await context.pass(2000);
  FakeSource.opened.at(-1)?.say();
  assert.equal(context.heard, ["live", "lost", "live"]);
});

connection("a source that opens and says nothing is lost, too", async (context) => {
  await goLive(context);
  await context.pass(12_000);
  assert.equal(context.heard, ["live", "lost"]);
  assert.is(FakeSource.opened.length, 2);
  await context.pass(12_000);
  assert.is(FakeSource.opened.length, 3, "a silent one is left, too");
});

connection("who may not listen is not asked again", async (context) => {
  context.prepare = async () => false;
  context.connection.restart();
  await context.pass(20_000);
  assert.equal(context.heard, ["idle"]);
  assert.is(FakeSource.opened.length, 0);
});

connection.run();
