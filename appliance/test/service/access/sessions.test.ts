// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sessionFile } from "../../../src/service/access/sessionFile.ts";
import { type SessionKeeper, Sessions } from "../../../src/service/access/sessions.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { type Tree, temporaryTree } from "../../support/tree.ts";

const MINUTE = 60_000;
const anybody = () => true;

interface Rig {
  tree: Tree;
  keeper: SessionKeeper;
}

const sessions = suite<Rig>("sessions");

sessions.before.each((context) => {
  context.tree = temporaryTree();
  context.tree.write({ "proc/uptime": "100.00 50.00" });
  context.keeper = sessionFile({ run: join(context.tree.root, "run"), proc: join(context.tree.root, "proc") });
});
sessions.after.each(({ tree }) => tree.dispose());

/** The machine's uptime goes on. */
function later({ tree }: Rig, minutes: number): void {
  tree.write({ "proc/uptime": `${100 + minutes * 60}.00 50.00` });
}

/** As a service that starts anew finds them. */
function restarted({ keeper }: Rig, holds: (user: string, scope: string) => boolean = anybody): Sessions {
  const next = new Sessions(new ManualClock(), randomBytes, keeper);
  next.restore(holds);
  return next;
}

sessions("a session holds over a restart of the service, with its token; the file has no cookie", (rig) => {
  const { id, session } = new Sessions(new ManualClock(), randomBytes, rig.keeper).open("viewer", "read");
  const found = restarted(rig).find(id);
  assert.equal([found?.user, found?.scope, found?.csrfToken], ["viewer", "read", session.csrfToken]);
  const path = join(rig.tree.root, "run/sessions.json");
  assert.is(statSync(path).mode & 0o777, 0o600);
  assert.not.match(rig.tree.read("run/sessions.json") ?? "", id);
  assert.is(restarted(rig).find(randomBytes(32).toString("base64url")), undefined);
});

sessions("it ends in time: idle for half an hour, or after twelve hours, the restart's time included", async (rig) => {
  const clock = new ManualClock();
  const before = new Sessions(clock, randomBytes, rig.keeper);
  const { id } = before.open("viewer", "read");
  later(rig, 29);
  assert.ok(restarted(rig).find(id), "29 minutes");
  const second = new Sessions(clock, randomBytes, rig.keeper);
  const { id: other } = second.open("viewer", "read");
  later(rig, 60);
  assert.is(restarted(rig).find(other), undefined, "31 minutes later");
  // In use all the time.
  const third = new Sessions(clock, randomBytes, rig.keeper);
  const { id: long } = third.open("viewer", "read");
  for (let minutes = 0; minutes < 11 * 60 + 50; minutes += 10) {
    await clock.pass(10 * MINUTE);
    assert.ok(third.find(long));
  }
  later(rig, 60 + 11);
  assert.is(restarted(rig).find(long), undefined, "in its thirteenth hour");
});

sessions("what was closed stays closed, and who is not there any more is not in", (rig) => {
  const before = new Sessions(new ManualClock(), randomBytes, rig.keeper);
  const [one, two, three] = [
    before.open("viewer", "read"),
    before.open("viewer", "read"),
    before.open("owner", "admin"),
  ];
  before.close(one.id);
  assert.equal(
    [one, two, three].map(({ id }) => restarted(rig).find(id)?.user),
    [undefined, "viewer", "owner"],
  );
  assert.is(restarted(rig, (user) => user !== "owner").find(three.id), undefined);
  before.closeAll("viewer");
  assert.is(restarted(rig).find(two.id), undefined);
  before.closeAll();
  assert.is(restarted(rig).find(three.id), undefined);
});

sessions("nothing of a damaged file, or of one from before the machine's start, is taken over", (rig) => {
  const { id } = new Sessions(new ManualClock(), randomBytes, rig.keeper).open("viewer", "read");
  rig.tree.write({ "proc/uptime": "3.00 1.00" });
  assert.is(restarted(rig).find(id), undefined);
  for (const text of ["", "{", "[]", '{"at":1,"sessions":[{"key":"a","user":1},null,7]}']) {
    rig.tree.write({ "run/sessions.json": text });
    assert.is(restarted(rig).find(id), undefined);
  }
});

sessions("use alone is written once a minute at most", async (rig) => {
  const clock = new ManualClock();
  let writes = 0;
  const keeper = { ...rig.keeper, write: () => void writes++ };
  const all = new Sessions(clock, randomBytes, keeper);
  const { id } = all.open("viewer", "read");
  for (let second = 0; second < 120; second++) {
    await clock.pass(1000);
    all.find(id);
  }
  assert.is(writes, 3);
});

sessions.run();
