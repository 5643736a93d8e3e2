// SPDX-License-Identifier: Apache-2.0
import type { Transaction, TransactionState } from "@scsigate/appliance/api/config";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { acceptTransaction, decided, dismiss, endedAt, loadTransaction, transaction } from "../src/core/transaction.ts";
import { FakeGateway } from "./support/fakeGateway.ts";

interface Context {
  gateway: FakeGateway;
}

const test = suite<Context>("transaction of the page");

test.before.each((context) => {
  context.gateway = new FakeGateway();
  context.gateway.start();
  transaction.value = undefined;
  decided.value = undefined;
});

test.after.each(({ gateway }) => gateway.stop());

function one(id: string, state: TransactionState, secondsAgo: number | null = 0): Transaction {
  const pending = state === "applying" || state === "waiting";
  const ago = pending ? null : secondsAgo;
  return { id, state, changes: [], secondsLeft: pending ? 60 : 0, secondsAgo: ago, reason: null, problems: [] };
}

test("a change whose end nobody told is not shown as waiting for ever", () => {
  acceptTransaction(one("1", "waiting"));
  acceptTransaction(one("2", "confirmed"));
  assert.is(transaction.value, undefined);
  assert.equal(decided.value, { id: "2", kept: true });
});

test("nor is one that a gateway does not know any more", async ({ gateway }) => {
  gateway.on("GET /api/v1/config/transaction", { body: { transaction: null } });
  acceptTransaction(one("1", "waiting"));
  await loadTransaction();
  assert.is(transaction.value, undefined);
  assert.equal(decided.value, { id: "1", kept: false });
});

test("a change that was kept unwatched is told to who shows the configuration, once", () => {
  acceptTransaction(one("1", "confirmed"));
  const told = decided.value;
  assert.equal(told, { id: "1", kept: true });
  acceptTransaction(one("1", "confirmed", 8));
  assert.is(decided.value, told);
  assert.is(transaction.value, undefined);
});

test("an undone change is shown with its time, until it was read or is old", () => {
  acceptTransaction(one("1", "rolled-back", 21 * 86_400));
  assert.is(transaction.value, undefined);
  acceptTransaction(one("2", "rolled-back", 600));
  assert.is(transaction.value?.id, "2");
  assert.ok(Math.abs(Date.now() - endedAt.value - 600_000) < 60_000);
  dismiss();
  acceptTransaction(one("2", "rolled-back", 610));
  assert.is(transaction.value, undefined);
});

test("the end of a change that this page shows is shown, however long ago it was", () => {
  acceptTransaction(one("1", "waiting"));
  acceptTransaction(one("1", "rolled-back", 86_400));
  assert.is(transaction.value?.state, "rolled-back");
  assert.equal(decided.value, { id: "1", kept: false });
});

test.run();
