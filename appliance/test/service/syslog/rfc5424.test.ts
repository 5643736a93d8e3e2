// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatSyslog, frame } from "../../../src/service/syslog/rfc5424.ts";

const format = suite("syslog messages (RFC 5424)");

const LINE = {
  level: "warn",
  time: "2026-11-22T10:00:00.000Z",
  process: "service",
  module: "telemetry",
  msg: "broker",
};

format("a line of the log: priority, time, host, program, process, module, text", () => {
  const { text } = formatSyslog(JSON.stringify({ ...LINE, error: "refused" }), "gateway") ?? { text: "" };
  assert.is(text, '<28>1 2026-11-22T10:00:00.000Z gateway scsigate service telemetry - broker {"error":"refused"}');
});

format("levels become severities of the facility daemon", () => {
  const priority = (level: string) => formatSyslog(JSON.stringify({ ...LINE, level }), "g")?.text.split(">")[0];
  assert.equal(["fatal", "error", "warn", "info", "debug"].map(priority), ["<26", "<27", "<28", "<30", "<31"]);
});

format("a line that is no JSON object is none", () => {
  for (const line of ["", "text", "3", "null"]) assert.is(formatSyslog(line, "g"), undefined);
});

const MESSAGE = /^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) scsigate ([!-~]{1,128}) ([!-~]{1,32}) - ?(.*)$/su;

format("property: whatever is logged is one valid message of at most 2048 bytes without control characters", () => {
  const entry = fc.record({
    level: fc.constantFrom("error", "warn", "info", "debug", "other"),
    time: fc.oneof(fc.constant(LINE.time), fc.string()),
    process: fc.string({ unit: "binary" }),
    module: fc.string({ unit: "binary" }),
    msg: fc.string({ unit: "binary", maxLength: 3000 }),
    more: fc.jsonValue(),
  });
  fc.assert(
    fc.property(entry, fc.string({ unit: "binary" }), (line, hostname) => {
      const text = formatSyslog(JSON.stringify(line), hostname)?.text ?? "";
      assert.match(text, MESSAGE);
      assert.ok(Buffer.byteLength(text) <= 2048);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      assert.not.match(text, /[\u0000-\u001f\u007f]/);
      assert.is(Buffer.from(text).toString("utf8"), text); // no half characters
    }),
  );
});

format("property: frames put one after the other are taken apart again", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
      const wellFormed = texts.map((text) => Buffer.from(text).toString("utf8"));
      let stream = Buffer.from(wellFormed.map(frame).join(""));
      const found: string[] = [];
      while (stream.length > 0) {
        const space = stream.indexOf(" ");
        const length = Number(stream.subarray(0, space).toString());
        found.push(stream.subarray(space + 1, space + 1 + length).toString("utf8"));
        stream = stream.subarray(space + 1 + length);
      }
      assert.equal(found, wellFormed);
    }),
  );
});

format.run();
