// SPDX-License-Identifier: Apache-2.0
/** Calls go down only: no module imports one that imports it, by whatever way; types count, too. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const ROOT = join(import.meta.dirname, "../..");
const IMPORT = /^(?:import|export) .*?from "(\.[^"]+)";$/gms;

/** Module -> what it imports of its own folder. */
function readImports(folder: string): Map<string, string[]> {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  const modules = files.filter((file) => /\.tsx?$/.test(file)).map((file) => join(folder, file));
  return new Map(
    modules.map((module) => {
      const text = readFileSync(join(ROOT, module), "utf8");
      return [module, [...text.matchAll(IMPORT)].map(([, from = ""]) => join(dirname(module), from))];
    }),
  );
}

/** The first circle that is found, closed. */
function findCircle(imports: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const visit = (module: string, way: readonly string[]): string[] => {
    if (way.includes(module)) return [...way.slice(way.indexOf(module)), module];
    if (done.has(module)) return [];
    for (const next of imports.get(module) ?? []) {
      const circle = visit(next, [...way, module]);
      if (circle.length > 0) return circle;
    }
    done.add(module);
    return [];
  };
  for (const module of imports.keys()) {
    const circle = visit(module, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

for (const folder of ["appliance/src", "web-ui/src"]) {
  test(`no circle in ${folder}`, () => {
    const imports = readImports(folder);
    assert.ok([...imports.values()].flat().length > imports.size, "imports were read");
    assert.equal(findCircle(imports), []);
  });
}

test.run();
