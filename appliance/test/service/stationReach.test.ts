// SPDX-License-Identifier: Apache-2.0
import { test } from "uvu";
import * as assert from "uvu/assert";
import { StationReach } from "../../src/service/stations/reach.ts";

const isHere = (ip: string): boolean => ip.startsWith("10.1.0.");
const A = { key: "seg0 02:00:00:00:00:0a", faces: ["seg0"], address: "02:00:00:00:00:0a", ip: "10.1.0.2", isHere };
const SEEN = [{ interface: "seg0", ip: "10.1.0.2", address: A.address }];
const FAILED = new Set(["seg0 10.1.0.2"]);
const NONE = new Set<string>();

test("a station that stops answering is silent, at the address that it had, until it answers again", () => {
  const reach = new StationReach(() => {});
  assert.is(reach.update({ ...A, ip: undefined }, [], NONE), undefined);
  assert.equal(reach.update(A, [], NONE), { ip: "10.1.0.2", answers: null });
  assert.equal(reach.update(A, SEEN, NONE), { ip: "10.1.0.2", answers: true });
  const lost = { ...A, ip: undefined };
  assert.equal(reach.update(lost, [], FAILED), { ip: "10.1.0.2", answers: false });
  assert.is(reach.update(lost, [], NONE)?.answers, false, "asked again, no answer yet");
  const other = [{ interface: "seg0", ip: "10.1.0.2", address: "02:00:00:00:00:0b" }];
  assert.is(reach.update(lost, other, NONE)?.answers, false, "another one has its address");
  assert.is(reach.update(A, SEEN, NONE)?.answers, true);
  assert.is(reach.update({ ...A, ip: "10.1.0.3" }, [], NONE)?.answers, null, "nothing is known of a new address");
});

test("an address is not remembered beyond the segment's subnet, where nobody could be asked; what tells of it now counts", () => {
  const reach = new StationReach(() => {});
  reach.update(A, SEEN, NONE);
  const moved = { ...A, isHere: (ip: string) => ip.startsWith("10.77.0.") };
  assert.is(reach.update({ ...moved, ip: undefined }, [], NONE), undefined);
  assert.is(reach.update({ ...A, ip: undefined }, [], NONE), undefined, "it is forgotten");
  assert.equal(reach.update(moved, [], NONE), { ip: "10.1.0.2", answers: null });
});

test("stations are asked in turn, no more than 32 in half a minute; those that are gone are forgotten", () => {
  const asked: string[] = [];
  const reach = new StationReach((ip) => asked.push(ip));
  const keys = new Set<string>();
  for (let number = 1; number <= 40; number++) {
    keys.add(`seg0 ${number}`);
    const station = { key: `seg0 ${number}`, faces: ["seg0"], address: `${number}`, ip: `10.1.0.${number}`, isHere };
    reach.update(station, [], NONE);
  }
  reach.probe(keys, 0);
  reach.probe(keys, 29_999);
  assert.is(asked.length, 32);
  reach.probe(keys, 30_000);
  assert.is(new Set(asked).size, 40);
  reach.probe(new Set(["seg0 7"]), 60_000);
  assert.equal(asked.slice(40), ["10.1.0.7"]);
});

test.run();
