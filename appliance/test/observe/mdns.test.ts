// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readLocalName } from "../../src/observe/mdns.ts";
import { temporaryTree } from "../support/tree.ts";

const mdns = suite("name on the LAN");

mdns("it is what avahi-daemon says that it answers for, after a conflict another one; else there is none", async () => {
  const tree = temporaryTree();
  const read = () => readLocalName(join(tree.root, "proc"), join(tree.root, "pid"));
  assert.is(await read(), undefined, "it never ran");
  tree.write({ pid: "4711\n" });
  assert.is(await read(), undefined, "it has ended");
  const cases: [string, string | undefined][] = [
    ["avahi-daemon: running [gateway.local]\0\0\0\0", "gateway.local"],
    ["avahi-daemon: running [gateway-2.local]\0\0", "gateway-2.local"],
    ["avahi-daemon: registering [gateway.local]\0", undefined],
    ["avahi-daemon: starting up\0", undefined],
    ["vi\0avahi-daemon: running [x.local]\0", undefined],
  ];
  for (const [line, name] of cases) {
    tree.write({ "proc/4711/cmdline": line });
    assert.is(await read(), name, line);
  }
  tree.dispose();
});

mdns.run();
