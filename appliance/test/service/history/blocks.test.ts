// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Block, decodePayload, encodeBlock, splitBlocks } from "../../../src/service/history/blocks.ts";

const blocks = suite("blocks of rows");

const block = fc
  .record({
    times: fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { maxLength: 4 }),
    keys: fc.array(fc.string(), { maxLength: 3 }),
    fields: fc.array(fc.string({ maxLength: 8 }), { maxLength: 4 }),
  })
  .chain((head) => {
    const length = head.times.length * head.keys.length * head.fields.length;
    const value = fc.oneof(fc.constant(Number.NaN), fc.float({ noNaN: true, min: 0, max: 2 ** 40 }));
    return fc
      .array(value, { minLength: length, maxLength: length })
      .map((values): Block => ({ ...head, values: Float32Array.from(values) }));
  });

function near(one: number, other: number): boolean {
  return Object.is(one, other) || Math.abs(one - other) <= Math.abs(other) / 1000 + 1e-37;
}

blocks("property: what was written is read, to three digits", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(block, { maxLength: 3 }), async (list) => {
      const file = Buffer.concat(list.map(encodeBlock));
      const { payloads, length } = splitBlocks(file);
      assert.is(length, file.length);
      const read = await Promise.all(payloads.map(decodePayload));
      assert.is(read.length, list.length);
      list.forEach((wanted, index) => {
        const { values, ...head } = read[index] as Block;
        const { values: expected, ...expectedHead } = wanted;
        assert.equal(head, expectedHead);
        assert.ok(values.every((value, place) => near(value, expected[place] as number)));
      });
    }),
  );
});

blocks("property: a file that is torn anywhere gives the blocks before the tear, and only those", () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 3 }), fc.nat(), (list, cut) => {
      const parts = list.map(encodeBlock);
      const file = Buffer.concat(parts);
      const torn = file.subarray(0, cut % file.length);
      let whole = 0;
      let end = 0;
      while (end + (parts[whole]?.length ?? Number.POSITIVE_INFINITY) <= torn.length) {
        end += parts[whole]?.length ?? 0;
        whole += 1;
      }
      const found = splitBlocks(torn);
      assert.equal([found.payloads.length, found.length], [whole, end]);
    }),
  );
});

blocks("property: a changed byte costs its block and those after it", () => {
  fc.assert(
    fc.property(
      fc.array(block, { minLength: 2, maxLength: 3 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (list, at, flip) => {
        const parts = list.map(encodeBlock);
        const file = Buffer.concat(parts);
        const place = at % file.length;
        file[place] = (file[place] ?? 0) ^ flip;
        let hit = 0;
        for (let end = 0; end + (parts[hit]?.length ?? 0) <= place; hit++) end += parts[hit]?.length ?? 0;
        assert.is(splitBlocks(file).payloads.length, hit);
      },
    ),
  );
});

blocks("property: any bytes are read without an error", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      assert.is(splitBlocks(Buffer.from(bytes)).payloads.length, 0);
      assert.is(await decodePayload(Buffer.from(bytes)), undefined);
    }),
  );
});

blocks.run();
