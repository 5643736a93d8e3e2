// SPDX-License-Identifier: Apache-2.0
import { statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { writeNew } from "../../src/cli/files.ts";
import { type Tree, temporaryTree } from "../support/tree.ts";

const files = suite<{ tree: Tree }>("files of the command line");
files.before.each((context) => {
  context.tree = temporaryTree();
});
files.after.each(({ tree }) => tree.dispose());

files("a new file is written for its owner alone", ({ tree }) => {
  const path = join(tree.root, "support.tar.gz");
  writeNew(path, Buffer.from("archive"));
  assert.is(tree.read("support.tar.gz"), "archive");
  assert.is(statSync(path).mode & 0o777, 0o600);
});

files("what is there already is left alone, a link and what it leads to as well", ({ tree }) => {
  tree.write({ shadow: "old", taken: "old" });
  symlinkSync(join(tree.root, "shadow"), join(tree.root, "link"));
  symlinkSync(join(tree.root, "nowhere"), join(tree.root, "dangling"));
  for (const name of ["taken", "link", "dangling"]) {
    assert.throws(() => writeNew(join(tree.root, name), Buffer.from("new")), /EEXIST/);
  }
  assert.equal([tree.read("shadow"), tree.read("taken"), tree.exists("nowhere")], ["old", "old", false]);
});

files.run();
