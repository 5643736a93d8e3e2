// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Executor } from "../../src/executor/executor.ts";
import { readLatency } from "../../src/executor/latency.ts";
import type { Reply } from "../../src/protocol/messages.ts";
import { testExecutor } from "../support/executor.ts";
import { until } from "../support/machine.ts";

const latency = suite("the driver's latency classes");

latency("each device's file as it is; other names and empty files are left out", async () => {
  const { context, tree } = testExecutor();
  try {
    assert.equal(await readLatency(context.paths.sys), []);
    tree.write({
      "sys/kernel/debug/ipscsi/3:0:0:0/latency": "# up to usecs, SENDs, GETs\n128 1 0",
      "sys/kernel/debug/ipscsi/odd/latency": "128 1 0",
      "sys/kernel/debug/ipscsi/4:0:0:0/other": "",
    });
    assert.equal(await readLatency(context.paths.sys), [
      { device: "3:0:0:0", text: "# up to usecs, SENDs, GETs\n128 1 0\n" },
    ]);
  } finally {
    tree.dispose();
  }
});

latency("is answered while a plan is carried out", async () => {
  const { context, tree } = testExecutor();
  const replies: Reply[] = [];
  let finish = () => {};
  const slow = new Promise<string>((resolve) => {
    finish = () => resolve("");
  });
  const executor = new Executor({ ...context, run: () => slow }, () => {});
  try {
    const operations = [{ kind: "modules", names: ["ipscsi"] }];
    executor.handle({ type: "apply", id: 1, plan: { groups: [{ name: "kernel", operations }] } }, (r) =>
      replies.push(r),
    );
    executor.handle({ type: "latency", id: 2 }, (reply) => replies.push(reply));
    executor.handle({ type: "latency", id: 3, path: "/etc/shadow" }, (reply) => replies.push(reply));
    await until("answers", () => replies.length === 2);
    assert.equal(replies.map((reply) => `${reply.type} ${reply.id}`).sort(), ["latency 2", "refused 3"]);
    finish();
    await until("the plan", () => replies.length === 3);
  } finally {
    tree.dispose();
  }
});

latency.run();
