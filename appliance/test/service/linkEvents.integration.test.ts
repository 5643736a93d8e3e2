// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SegmentStatus, StationStatus, Status } from "../../src/api/status.ts";
import { type LinkEvent, LinkEvents } from "../../src/service/linkEvents.ts";
import { PeerEvents, parsePeerEvent } from "../../src/service/peerEvents.ts";
import { type Clock, systemClock } from "../../src/shared/clock.ts";
import { startLines } from "../../src/shared/lines.ts";
import { silentLogger } from "../../src/shared/log.ts";
import { STATION_A, STATION_B, until } from "../support/machine.ts";

/** As much of a state as events come from. */
function state(stations: Record<string, string>, driver: Record<string, number> | null = null): Status {
  const list = Object.entries(stations).map(([address, word]) => ({ address, name: "", state: word }));
  const segment = { name: "seg0", driver, stations: list as unknown as StationStatus[] } as SegmentStatus;
  return { segments: [segment] } as Status;
}

function types(events: readonly LinkEvent[]): string[] {
  return events.map((event) => event.type);
}

const links = suite("what happens on the segments");

links("nothing for the first sample; then what came, went, and is gone", () => {
  const events = new LinkEvents();
  assert.equal(events.sample(state({ [STATION_A]: "up", [STATION_B]: "down" }), 0), []);
  assert.equal(types(events.sample(state({ [STATION_A]: "stalled", [STATION_B]: "up" }), 1000)), ["peer-up"]);
  assert.equal(events.sample(state({ [STATION_B]: "up" }), 2000), [
    { type: "peer-down", segment: "seg0", address: STATION_A, name: "" },
  ]);
});

links("a sample that was read before a uevent does not undo it", () => {
  const events = new LinkEvents();
  events.sample(state({ [STATION_A]: "up" }), 0);
  assert.equal(types(events.peer({ segment: "seg0", address: STATION_A, up: false }, 1005)), ["peer-down"]);
  assert.equal(events.sample(state({ [STATION_A]: "up" }), 1000), []);
  assert.equal(events.sample(state({ [STATION_A]: "down" }), 2000), []);
});

links("flapping is one event; so is its end, with the number of changes; health knows it in between", () => {
  const events = new LinkEvents();
  const all: string[] = [];
  events.sample(state({ [STATION_A]: "up" }), 0);
  for (let change = 1; change <= 20; change++) {
    const up = change % 2 === 0;
    all.push(...types(events.peer({ segment: "seg0", address: STATION_A, up }, change * 1000)));
  }
  assert.equal(all, ["peer-down", "peer-up", "peer-down", "peer-up", "peer-down", "peer-flapping"]);
  assert.equal(
    events.problems().map((problem) => problem.code),
    ["station-flapping"],
  );
  assert.equal(events.sample(state({ [STATION_A]: "up" }), 79_999), []);
  const [end] = events.sample(state({ [STATION_A]: "up" }), 80_000);
  assert.equal(end, { type: "peer-steady", segment: "seg0", address: STATION_A, name: "", state: "up", changes: 20 });
  assert.equal(events.problems(), []);
});

links("a station that leaves at each change flaps as well", () => {
  const events = new LinkEvents();
  events.sample(state({}), 0);
  const all: string[] = [];
  for (let second = 1; second <= 6; second++) {
    all.push(...types(events.sample(state(second % 2 === 1 ? { [STATION_A]: "up" } : {}), second * 1000)));
  }
  assert.is(all.at(-1), "peer-flapping");
});

links("a slow change of mind is no flapping", () => {
  const events = new LinkEvents();
  events.sample(state({ [STATION_A]: "up" }), 0);
  for (let change = 1; change <= 20; change++) {
    const told = events.sample(state({ [STATION_A]: change % 2 === 0 ? "up" : "down" }), change * 13_000);
    assert.equal(types(told), [change % 2 === 0 ? "peer-up" : "peer-down"]);
  }
});

links("a reset storm: begins with ten in a minute, ends after a minute without", () => {
  const events = new LinkEvents();
  const at = (second: number, resets: number) =>
    events.sample(state({ [STATION_A]: "up" }, { unit_attention: resets, timeout: 0 }), second * 1000);
  assert.equal(at(0, 500), []); // what was before we looked
  assert.equal(at(10, 509), []);
  assert.equal(at(20, 512), [{ type: "reset-storm", segment: "seg0", resets: 12 }]);
  assert.equal(
    events.problems().map((problem) => problem.code),
    ["reset-storm"],
  );
  assert.equal(at(30, 520), []);
  assert.equal(at(80, 520), []);
  assert.equal(at(91, 520), [{ type: "reset-storm-over", segment: "seg0", resets: 20 }]);
  assert.equal(events.problems(), []);
});

links("one reset that 63 stations see is no storm; a segment that was made anew is none either", () => {
  const many = Object.fromEntries(
    Array.from({ length: 63 }, (_, index) => [`02:00:00:00:00:${index.toString(16).padStart(2, "0")}`, "up"]),
  );
  const events = new LinkEvents();
  assert.equal(events.sample(state(many, { unit_attention: 0, timeout: 0 }), 0), []);
  assert.equal(events.sample(state(many, { unit_attention: 63, timeout: 0 }), 1000), []);
  assert.equal(events.sample(state(many, { unit_attention: 5, timeout: 0 }), 2000), []);
  assert.equal(events.sample(state(many, { unit_attention: 20, timeout: 0 }), 3000), []);
});

links("property: in any order of sources, ups and downs of a station alternate", () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 30_000 }), up: fc.boolean(), uevent: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const events = new LinkEvents();
      const told: LinkEvent[] = [];
      events.sample(state({ [STATION_A]: "down" }), 0);
      let at = 0;
      for (const { wait, up, uevent } of steps) {
        at += wait;
        if (uevent) told.push(...events.peer({ segment: "seg0", address: STATION_A, up }, at));
        else told.push(...events.sample(state({ [STATION_A]: up ? "up" : "down" }), at));
      }
      let known: boolean | undefined = false;
      for (const event of told) {
        if (event.type === "peer-up" || event.type === "peer-down") {
          assert.is.not(known, event.type === "peer-up");
          known = event.type === "peer-up";
        } else if (event.type === "peer-flapping") known = undefined;
        else if (event.type === "peer-steady") known = event.state === "up";
      }
    }),
  );
});

links.run();

const uevents = suite("uevents");

uevents("a peer's line; a removal and other things are none", () => {
  const line = `peers seg0 ${STATION_A.toUpperCase()} up`;
  assert.equal(parsePeerEvent(line), { segment: "seg0", address: STATION_A, up: true });
  for (const wrong of ["", "peers   ", "net seg0  ", `peers ../x ${STATION_A} up`, "peers seg0 x up", `${line}per`]) {
    assert.is(parsePeerEvent(wrong), undefined);
  }
});

/** What busybox's `uevent` does: runs the program for each event, with its fields as environment. */
const UEVENT = [
  'run() { env "$@"; }',
  'run SUBSYSTEM=peers INTERFACE=seg0 PEER=02:11:22:33:44:0a STATE=down "$0" "$@"',
  'run SUBSYSTEM=block "$0" "$@"',
  'run SUBSYSTEM=peers "$0" "$@"',
  "exec sleep 60",
].join("; ");

uevents("the program prints what matters, event by event", async () => {
  const seen: string[] = [];
  const events = new PeerEvents(
    (file, args, listener) => {
      assert.is(file, "uevent");
      return startLines("sh", ["-c", UEVENT, ...args], listener);
    },
    systemClock,
    silentLogger(),
    {
      onPeer: (event) => seen.push(`${event.segment} ${event.address} ${event.up}`),
      onChange: () => seen.push("look"),
    },
  );
  events.start();
  try {
    await until("all", () => seen.length >= 3);
    assert.equal(seen, [`seg0 ${STATION_A} false`, "look", "look"]);
  } finally {
    events.stop();
  }
});

uevents("without the program the sampling goes on alone; one that ends is started again", async () => {
  let starts = 0;
  let ended = false;
  let planned = 0;
  const listener = { onPeer: () => {}, onChange: () => {} };
  const after: Clock["after"] = (ms, action) => {
    planned += 1;
    return systemClock.after(ms, action);
  };
  const missing = new PeerEvents(
    (_file, _args, lines) => {
      starts += 1;
      const onEnd = (error: Error) => {
        lines.onEnd(error);
        ended = true;
      };
      return startLines("/nonexistent/uevent", [], { ...lines, onLine: (line) => lines.onLine(line), onEnd });
    },
    { ...systemClock, after },
    silentLogger(),
    listener,
  );
  missing.start();
  await until("the end", () => ended);
  assert.equal([starts, planned], [1, 0]);
  missing.stop();

  starts = 0;
  const ending = new PeerEvents(
    (_file, _args, lines) => {
      starts += 1;
      return startLines("true", [], lines);
    },
    systemClock,
    silentLogger(),
    listener,
  );
  ending.start();
  await until("started again", () => starts >= 2);
  ending.stop();
});

uevents.run();
