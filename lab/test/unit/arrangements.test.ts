// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Row, toTable } from "../../src/arrangements/adapters.ts";
import { arrangements, cube, grid, ownScenarios, star, surveys } from "../../src/arrangements/all.ts";
import { draw } from "../../src/arrangements/draw.ts";
import {
  type Arrangement,
  addressOf,
  checkArrangement,
  hopsFrom,
  hostsOf,
  routersOf,
} from "../../src/arrangements/plan.ts";
import { toMarkdown } from "../../src/arrangements/report.ts";
import { generatedBegin } from "../../src/generated.ts";
import { labDir, repoDir } from "../../src/paths.ts";
import { fabrics } from "../../src/rigs/anyAdapter.ts";

for (const arrangement of ownScenarios) {
  test(`${arrangement.name} can be built, and each host has an address and a place of its own`, () => {
    checkArrangement(arrangement);
    const hosts = hostsOf(arrangement);
    for (const key of [(host: string) => addressOf(arrangement, host), (host: string) => arrangement.at(host).join()]) {
      assert.is(new Set(hosts.map(key)).size, hosts.length);
    }
  });

  test(`${arrangement.name} has a file that runs it, and a place in the docs`, () => {
    assert.ok(existsSync(join(labDir, "scenarios", `${arrangement.name}.test.ts`)));
    const mark = generatedBegin(`make scenario NAME=${arrangement.name} DOCS=1`);
    assert.match(readFileSync(join(repoDir, "docs/clusters.md"), "utf8"), mark);
  });
}

for (const { name, document, command } of surveys) {
  test(`${name} has a file that runs it, and a place in ${document}`, () => {
    assert.ok(existsSync(join(labDir, "scenarios", `${name}.test.ts`)));
    assert.match(readFileSync(join(repoDir, document), "utf8"), generatedBegin(`${command} DOCS=1`));
  });
}

test("a pair that does not work says why, in a table that is as wide as the others' rows", () => {
  const [pair] = fabrics;
  assert.ok(pair);
  const seen = { ping: 1, rates: [2e6, 3e6], unlinks: { unlinked: 0.5, linked: 4 } } as const;
  const table = toTable([{ pair, seen } as Row, { pair, why: "no device" } as Row], "Linux 6.1.");
  const [, works, fails] = table.split("\n").filter((line) => line.startsWith("| ")) as [string, string, string];
  assert.match(works, "| 1.0 | whole | 2, 3 | 0.5 s, 4.0 s | yes |");
  assert.match(fails, "**does not work**: no device");
  assert.is(fails.split("|").length, works.split("|").length);
});

for (const arrangement of arrangements) {
  test(`${arrangement.name}: the way that a lost host leaves is as long as its data says`, () => {
    const { loss } = arrangement;
    const [from, to] = loss.between;
    assert.is(hopsFrom(arrangement, from).get(to), loss.hops[0]);
    assert.is(hopsFrom(arrangement, from, loss.host).get(to), loss.hops[1]);
  });
}

test("as many hosts as the RFC and the article say", () => {
  assert.equal(
    [star, grid, cube].map((arrangement) => hostsOf(arrangement).length),
    [64, 25, 75],
  );
  assert.equal(routersOf(grid), ["a", "f", "k", "p", "u"]);
  assert.is(star.buses.length, 9);
});

test("with its target a bus is lost: its hosts reach nobody", () => {
  const left = hopsFrom(grid, "b", "f");
  assert.not(left.has("g"));
  assert.ok(left.has("l"));
  assert.equal([...hopsFrom(grid, "g", "f").keys()], ["g"]);
});

test("what cannot be built is refused, in words", () => {
  const broken = (change: Partial<Arrangement>) => () => checkArrangement({ ...grid, ...change });
  const [bus] = grid.buses;
  if (bus === undefined) return assert.unreachable();
  const many = Array.from({ length: 17 }, (_, index) => `x${index}`);
  assert.throws(broken({ buses: [{ ...bus, hosts: many }] }), /17 hosts, and 16 IDs/);
  assert.throws(broken({ buses: [bus, bus] }), /two buses have one name/);
  assert.throws(broken({ buses: [bus, { name: "far", subnet: "10.1.1", hosts: ["y", "z"] }] }), /no way/);
  assert.throws(broken({ buses: [{ ...bus, name: "Too Long A Name" }] }), /no name of an interface/);
});

test("a drawing has every host and every bus", () => {
  const svg = draw(cube);
  for (const host of hostsOf(cube)) assert.match(svg, `>${host.toUpperCase()}</text>`);
  assert.is(svg.match(/<path /g)?.length, cube.buses.length);
});

test("a report tells rates against one bus, and another way only where there is one", () => {
  const measured = {
    rates: [[1, 2e9] as [number, number], [3, 1e9] as [number, number]],
    seconds: 12.4,
    kibPerHost: 900,
  };
  assert.match(toMarkdown(star, measured), "1: 1.00, 3: 0.50");
  assert.not.match(toMarkdown(star, measured), "loses its power");
  assert.match(
    toMarkdown(cube, { ...measured, convergence: 3.21 }),
    "G1 to L1 crosses 5 buses instead of 3, after 3.2 s",
  );
});

test.run();
