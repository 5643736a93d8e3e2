// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { validate } from "../../src/config/validate.ts";
import { EncryptionWatch } from "../../src/service/encryption.ts";

const OURS = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
const THEIRS = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
const NOW = Date.UTC(2026, 10, 30, 12);

function config(publicKey = THEIRS) {
  const result = validate({
    version: 1,
    mode: "mesh",
    mesh: { key: "0123456789abcdef", peers: ["10.9.0.1"] },
    encryption: { peers: [{ address: "10.9.0.1", publicKey }] },
  });
  if (!result.valid) throw new Error(JSON.stringify(result.errors));
  return result.config;
}

const answers = (seconds: number) => ({ publicKey: OURS, handshakes: `${THEIRS}\t${seconds}\n` });

test("a gateway that never answers is told of after a while, with what to check", () => {
  const watch = new EncryptionWatch();
  const state = (at: number) => watch.update(config(), answers(0), NOW, at)?.peers[0];
  assert.equal(state(0), { address: "10.9.0.1", lastHandshake: null, state: "waiting" });
  assert.equal(watch.problems, []);
  assert.is(state(25_000)?.state, "silent");
  const [problem] = watch.problems;
  assert.is(problem?.code, "encryption-silent");
  assert.match(problem?.message ?? "", "no handshake with gateway 10.9.0.1: ");
  assert.match(problem?.nextStep ?? "", "public key");
});

test("one that has gone is told of with the time of the last handshake, whatever the clock does", () => {
  const watch = new EncryptionWatch();
  const first = NOW / 1000 - 10;
  const state = (handshake: number, at: number, now = NOW) =>
    watch.update(config(), answers(handshake), now, at)?.peers[0]?.state;
  assert.is(state(first, 0), "good");
  assert.is(state(first, 100_000, NOW + 7_200_000), "good", "the clock was set");
  assert.is(state(first + 120, 120_000), "good");
  assert.is(state(first + 120, 300_000), "good");
  assert.is(state(first + 120, 310_000), "silent");
  assert.match(watch.problems[0]?.message ?? "", `since ${new Date(NOW).toISOString()}`, "never later than now");
  assert.is(state(first + 400, 311_000), "good");
  assert.equal(watch.problems, []);
});

test("another key starts anew; our own as theirs is told at once", () => {
  const watch = new EncryptionWatch();
  watch.update(config(), answers(0), NOW, 0);
  assert.is(watch.update(config(`A${THEIRS.slice(1)}`), answers(0), NOW, 60_000)?.peers[0]?.state, "waiting");
  assert.is(watch.update(config(OURS), answers(0), NOW, 61_000)?.peers[0]?.state, "own-key");
  assert.match(watch.problems[0]?.message ?? "", "this gateway's own");
});

test("an executor that says nothing changes nothing; without tunnels there is nothing to say", () => {
  const watch = new EncryptionWatch();
  watch.update(config(), answers(NOW / 1000), NOW, 0);
  assert.is(watch.update(config(), undefined, NOW, 1000)?.peers[0]?.state, "good");
  const plain = validate({ version: 1 });
  assert.ok(plain.valid);
  if (plain.valid) assert.is(watch.update(plain.config, undefined, NOW, 2000), null);
  assert.equal(watch.problems, []);
});

test.run();
