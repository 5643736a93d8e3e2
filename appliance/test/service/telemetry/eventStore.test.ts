// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EventStore, type StoredEvent } from "../../../src/service/telemetry/eventStore.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

const LIMIT = 1000;

interface Context {
  tree: Tree;
  path: string;
  errors: unknown[];
  open(): Promise<EventStore>;
}

const store = suite<Context>("events until the broker has them");
store.before.each((context) => {
  context.tree = temporaryTree();
  context.path = join(context.tree.root, "data/events.jsonl");
  context.errors = [];
  context.open = async () => {
    const opened = new EventStore(context.path, (error) => error !== undefined && context.errors.push(error));
    await opened.open();
    return opened;
  };
});
store.after.each((context) => context.tree.dispose());

function event(number: number): StoredEvent {
  return { id: `run-${number}`, type: "peer-up", text: "ü\n".repeat(number % 3) };
}

function ids(from: EventStore): string[] {
  return from.first(2 * LIMIT).map((entry) => entry.id);
}

store("with the broker there, nothing is written", async ({ open, path }) => {
  const events = await open();
  events.add(event(1));
  events.delivered(new Set(["run-1"]));
  await events.close();
  assert.not.ok(existsSync(path));
});

store("what the broker refuses is lost, and counted over a restart until somebody was told", async ({ open }) => {
  const events = await open();
  for (const number of [1, 2, 3]) events.add(event(number));
  events.refused(new Set(["run-1", "run-3", "run-0"]));
  assert.equal([events.lost, ...ids(events)], [2, "run-2"]);
  await events.close();
  const again = await open();
  assert.equal([again.lost, ...ids(again)], [2, "run-2"]);
  again.lossTold(2);
  assert.is(again.lost, 0);
  await again.close();
});

store("while it is away each event is on disk at once, and there after a restart, in order", async ({ open, path }) => {
  const events = await open();
  events.add(event(1));
  events.keep();
  events.add(event(2));
  events.add(event(3));
  await events.close();
  const again = await open();
  assert.equal(ids(again), ["run-1", "run-2", "run-3"]);
  again.delivered(new Set(["run-1", "run-2", "run-3"]));
  await again.close();
  assert.not.ok(existsSync(path));
});

store("what was delivered before the broker went again does not come back", async ({ open }) => {
  const events = await open();
  events.keep();
  for (let number = 0; number < 5; number++) events.add(event(number));
  events.delivered(new Set(["run-0", "run-1"]));
  events.keep();
  await events.close();
  assert.equal(ids(await open()), ["run-2", "run-3", "run-4"]);
});

store(
  "the oldest go when it is full, and are counted, over restarts too; the file stays bounded",
  async ({ open, path }) => {
    let events = await open();
    events.keep();
    for (let number = 0; number < 3 * LIMIT + 7; number++) events.add(event(number));
    assert.is(events.size, LIMIT);
    assert.is(events.lost, 2 * LIMIT + 7);
    await events.close();
    assert.ok(readFileSync(path, "utf8").split("\n").length <= 2 * LIMIT + 1);
    events = await open();
    assert.is(events.size, LIMIT);
    assert.is(events.lost, 2 * LIMIT + 7);
    assert.is(events.first(1)[0]?.id, `run-${2 * LIMIT + 7}`);
    events.lossTold(events.lost);
    assert.is(events.lost, 0);
  },
);

store("a line that a power cut left half is skipped; so is what is no event", async ({ open, path, tree }) => {
  mkdirSync(join(tree.root, "data"));
  writeFileSync(path, `${JSON.stringify(event(1))}\nnull\n[]\n{"a":1}\n{"lost":"x"}\n`);
  appendFileSync(path, '{"id":"run-2","ty');
  const events = await open();
  assert.equal(ids(events), ["run-1"]);
  assert.is(events.lost, 0);
});

store(
  "a disk that cannot be written to is told of; events are kept in memory, and on disk once it works",
  async (context) => {
    const { open, path, tree, errors } = context;
    writeFileSync(join(tree.root, "data"), "a file where the folder should be");
    const events = await open();
    events.keep();
    events.add(event(1));
    await events.close();
    assert.ok(errors.length > 0);
    assert.is(events.size, 1);
    tree.remove("data");
    events.add(event(2));
    await events.close();
    assert.ok(statSync(path).size > 0);
  },
);

store("property: a model with any order of events, deliveries, breaks and restarts", async (context) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ kind: fc.constant("restart" as const), count: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      context.tree.remove("data");
      let events = await context.open();
      let model: string[] = [];
      let lost = 0;
      let number = 0;
      for (const { kind, count } of steps) {
        if (kind === "add") {
          events.keep();
          for (let i = 0; i < count; i++) {
            events.add(event(number));
            model.push(`run-${number++}`);
          }
          lost += Math.max(0, model.length - LIMIT);
          model = model.slice(-LIMIT);
        } else if (kind === "deliver") {
          events.delivered(new Set(events.first(count).map((entry) => entry.id)));
          model = model.slice(count);
        } else {
          await events.close();
          events = await context.open();
        }
        assert.equal(ids(events), model);
        assert.is(events.lost, lost);
      }
      await events.close();
    }),
    { numRuns: 15 },
  );
});

store.run();
