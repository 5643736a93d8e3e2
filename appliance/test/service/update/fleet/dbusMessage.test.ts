// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lengthOf, readCall, TYPE, writeMessage } from "../../../../src/service/update/fleet/dbusMessage.ts";
import { ScsigateError } from "../../../../src/shared/errors.ts";

function call(file: string): Buffer {
  return writeMessage(
    {
      ...{ type: TYPE.call, serial: 7, path: "/", interface: "de.pengutronix.rauc.Installer", member: "InstallBundle" },
      body: [
        ["s", file],
        ["a{sv}", { "tls-no-verify": ["b", true] }],
      ],
    },
    ":1.1",
    "de.pengutronix.rauc",
  );
}

test("bytes are laid out as the specification says", () => {
  const message = writeMessage({ type: TYPE.reply, serial: 1, replySerial: 2, body: [["u", 2]] }, "a", "b");
  assert.is(
    message.toString("hex"),
    // endian, type, flags, version; body length; serial; length of the fields
    "6c020101" +
      "04000000" +
      "01000000" +
      "2f000000" +
      // reply serial, destination, sender, signature
      "0501750002000000" +
      "0601730001000000" +
      "6200000000000000" +
      "0701730001000000" +
      "6100000000000000" +
      "0801670001750000" +
      // body
      "02000000",
  );
});

test("property: what is written is read, whatever comes behind it", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), (text, more) => {
      const file = Buffer.from(text.replaceAll("\0", "")).toString(); // no lone surrogates
      const message = call(file);
      const length = lengthOf(Buffer.concat([message, more]));
      assert.is(length, message.length);
      const read = readCall(message);
      assert.is(read?.text, file);
      assert.is(read?.member, "InstallBundle");
      assert.is(read?.serial, 7);
    }),
  );
});

test("property: anything else is refused, and nothing is read beyond its end", () => {
  const seed = call("/data/scsigate/update/fleet.raucb");
  const changes = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(changes, fc.nat(seed.length), (bytes, end) => {
      const data = Buffer.from(seed.subarray(0, end));
      for (const [at, value] of bytes) if (at < data.length) data[at] = value;
      try {
        lengthOf(data);
        readCall(data);
      } catch (error) {
        assert.instance(error, ScsigateError);
      }
    }),
    { numRuns: 2000 },
  );
});

test.run();
