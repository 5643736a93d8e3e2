// SPDX-License-Identifier: Apache-2.0
// Room in /run, with a real file system that has a size.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFreeBytes, runProblem } from "../../src/observe/disk.ts";
import { hasNamespaces, runInNamespaces } from "../support/namespaces.ts";

const room = suite("room in /run");
const source = join(import.meta.dirname, "../../src/observe/disk.ts");

room("a folder with room, or that is not there yet, is no problem", async () => {
  assert.is(runProblem(await readFreeBytes(tmpdir())), undefined);
  assert.is(runProblem(await readFreeBytes("/nowhere/at/all")), undefined);
});

(hasNamespaces ? room : room.skip)("it is told when what stations can write there fills it", () => {
  const look = `import(${JSON.stringify(source)}).then(async ({ readFreeBytes, runProblem }) => console.log(runProblem(await readFreeBytes("/run"))?.code ?? "room"))`;
  const { said } = runInNamespaces(`
    mount -t tmpfs -o size=8m tmpfs /run
    ${process.execPath} --import tsx -e '${look}'
    dd if=/dev/zero of=/run/log bs=1M count=5 2>/dev/null
    ${process.execPath} --import tsx -e '${look}'`);
  assert.equal(said, ["room", "run-full"]);
});

room.run();
