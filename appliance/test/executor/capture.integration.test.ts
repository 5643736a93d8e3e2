// SPDX-License-Identifier: Apache-2.0
// Ping and capture with the real programs, on an interface in a network namespace of its own.
import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../src/executor/executor.ts";
import type { Reply } from "../../src/protocol/messages.ts";
import { PcapCounter } from "../../src/service/stations/pcap.ts";
import { parsePing } from "../../src/service/stations/probes.ts";
import { runCommand } from "../../src/shared/commands.ts";
import { type StreamProgram, startStream } from "../../src/shared/stream.ts";
import { type TestExecutor, testExecutor } from "../support/executor.ts";
import { writeLink, writeSegment } from "../support/tree.ts";

const STATION = "02:11:22:33:44:0a";
/** A segment with one station that pings, and ping and tcpdump there. */
const WIRE = [
  "mount -t tmpfs tmpfs /run; ip netns add a; ip link add seg0 type veth peer name e netns a",
  `ip link set dev seg0 up; ip -n a link set dev e address ${STATION}; ip -n a link set dev e up`,
  "ip address add 10.143.0.1/24 dev seg0; ip -n a address add 10.143.0.20/24 dev e",
  'ip netns exec a ping -q -i 0.02 -w 8 10.143.0.1 >/dev/null 2>&1 & exec "$@"',
].join("\n");
const there = (file: string, args: readonly string[]) => ["-nm", "bash", "-c", WIRE, "bash", file, ...args];

const has = (...command: string[]) => spawnSync(command[0] ?? "", command.slice(1)).error === undefined;
const real = process.getuid?.() === 0 && spawnSync("unshare", ["-nm", "true"]).status === 0;

interface Context {
  test: TestExecutor;
  executor: Executor;
}

const suiteOf = suite<Context>("checks and captures");
suiteOf.before.each((context) => {
  context.test = testExecutor();
  for (const [index, name] of ["seg0", "seg7"].entries()) {
    writeSegment(context.test.tree, name, { index, address: "02:11:22:33:44:01" });
  }
  writeLink(context.test.tree, "eth0", { index: 9, address: "02:11:22:33:44:02" });
  context.executor = new Executor(context.test.context, () => {});
});
suiteOf.after.each(({ test }) => test.tree.dispose());

/** All answers to a request, up to the last. */
function ask({ executor }: Context, message: object, onAnswer: (reply: Reply) => void = () => {}): Promise<Reply[]> {
  const replies: Reply[] = [];
  return new Promise((resolve) => {
    executor.handle(message, (reply) => {
      replies.push(reply);
      onAnswer(reply);
      if (reply.type !== "captureData") resolve(replies);
    });
  });
}

const CAPTURE = { type: "capture", id: 3, segment: "seg0", address: STATION, seconds: 10, maxBytes: 1 << 20 };

function recorded(replies: readonly Reply[]): Buffer {
  return Buffer.concat(
    replies.flatMap((reply) => (reply.type === "captureData" ? [Buffer.from(reply.data, "base64")] : [])),
  );
}

const ping = real && has("ping", "-V") ? suiteOf : suiteOf.skip;
ping("ping tells what came back, and that nothing did", async (context) => {
  context.test.context.run = (file, args, options) => runCommand("unshare", there(file, args), options);
  for (const [ip, received] of [
    ["10.143.0.20", 3],
    ["10.143.0.99", 0],
  ] as const) {
    const [reply] = await ask(context, { type: "ping", id: 1, ip, count: 3 });
    assert.is(reply?.type, "ping", JSON.stringify(reply));
    const result = parsePing(reply?.type === "ping" ? reply.text : "");
    assert.equal([result.sent, result.received, result.loss], [3, received, received === 0 ? 100 : 0]);
    assert.is(result.avg === null, received === 0);
  }
});

const capture = real && has("tcpdump", "--version") ? suiteOf : suiteOf.skip;
const inside: StreamProgram = (file, args, listener) => startStream("unshare", there(file, args), listener);

capture("a capture has whole packets of the station, ends when it is full, and drops root", async (context) => {
  const commands: string[][] = [];
  context.test.context.stream = (file, args, listener) => {
    commands.push([file, ...args]);
    return inside(file, args, listener);
  };
  const replies = await ask(context, { ...CAPTURE, maxBytes: 2000 });
  const end = replies.at(-1);
  assert.equal(end, { type: "captured", id: 3, end: { reason: "size" } });
  const bytes = recorded(replies);
  assert.is(bytes.length, 2000);
  const pcap = new PcapCounter();
  pcap.add(bytes);
  assert.ok(pcap.packets >= 10 && pcap.bytes <= 2000, `${pcap.packets} packets`);
  const read = spawnSync("tcpdump", ["-r", "-", "-e", "-n"], {
    input: bytes.subarray(0, pcap.bytes),
    encoding: "utf8",
  });
  const lines = read.stdout.trim().split("\n");
  assert.is(lines.length, pcap.packets, read.stderr);
  assert.ok(lines.every((line) => line.includes(STATION)));
  assert.equal(commands[0]?.slice(0, 5), ["tcpdump", "-i", "seg0", "-Z", "nobody"]);
});

capture("a capture ends on request, and another one can follow; two at once cannot be", async (context) => {
  context.test.context.stream = inside;
  let refused: Promise<Reply[]> | undefined;
  const replies = await ask(context, CAPTURE, () => {
    refused ??= ask(context, { ...CAPTURE, id: 4 });
    context.executor.handle({ type: "stopCapture" }, () => {});
  });
  assert.equal(replies.at(-1), { type: "captured", id: 3, end: { reason: "asked" } });
  const [other] = (await refused) ?? [];
  assert.is(other?.type === "refused" && other.problem.code, "capture-busy");
  const third = await ask(context, { ...CAPTURE, id: 5, seconds: 1 });
  assert.equal(third.at(-1), { type: "captured", id: 5, end: { reason: "time" } });
});

capture("tcpdump's own words tell why it could not", async (context) => {
  context.test.context.stream = inside;
  const [reply] = await ask(context, { ...CAPTURE, segment: "seg7" });
  assert.ok(reply?.type === "captured" && reply.end.reason === "failed");
  assert.match(JSON.stringify(reply), /seg7/);
});

suiteOf("a program that is not there is told, too", async (context) => {
  context.test.context.stream = (_file, args, listener) => startStream("/nonexistent/tcpdump", args, listener);
  const [reply] = await ask(context, CAPTURE);
  assert.match(JSON.stringify(reply), /ENOENT/);
});

for (const [what, change] of Object.entries({
  "a filter as address": { address: "02:11:22:33:44:0a or port 22" },
  "an option as segment": { segment: "-w" },
  "a file as segment": { segment: "/etc/shadow" },
  "the LAN as segment": { segment: "eth0" },
  "what is not there as segment": { segment: "seg5" },
  "no end": { seconds: 3600 },
  "too much": { maxBytes: 1 << 30 },
  "a surplus field": { filter: "port 22" },
})) {
  suiteOf(`a capture with ${what} is refused`, async (context) => {
    context.test.context.stream = () => {
      throw new Error("started");
    };
    const [reply] = await ask(context, { ...CAPTURE, ...change });
    assert.is(reply?.type, "refused");
  });
}

suiteOf("a ping of what is no address is refused", async (context) => {
  for (const ip of ["-f", "example.org", "10.0.0.1; id", "", "999.1.1.1"]) {
    const [reply] = await ask(context, { type: "ping", id: 1, ip, count: 3 });
    assert.is(reply?.type, "refused", ip);
  }
  assert.equal(context.test.commands, []);
});

suiteOf.run();
