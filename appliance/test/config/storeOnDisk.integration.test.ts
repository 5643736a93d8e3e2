// SPDX-License-Identifier: Apache-2.0
// The store on a real disk, in a process that is killed at each of its steps.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfigStore } from "../../src/config/store.ts";
import { diskFs } from "../../src/shared/durable.ts";

const SOURCE = join(import.meta.dirname, "../support/storeProcess.ts");

/** The compiled validator is CommonJS. */
const BANNER = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };

test("a process that is killed at any step of a change leaves a configuration that is whole", async () => {
  const root = mkdtempSync(join(tmpdir(), "scsigate-store-"));
  const folder = join(root, "data");
  const program = join(root, "store.mjs");
  // Bundled once: started some thirty times, it should not be translated each time.
  buildSync({ entryPoints: [SOURCE], outfile: program, bundle: true, platform: "node", format: "esm", banner: BANNER });
  let before = "scsigate";
  let completed = 0;
  // One folder for all: what a killed process leaves behind, the next one has to live with.
  for (let steps = 0; completed < 2; steps++) {
    const hostname = `after${steps}`;
    const args = [program, folder, String(steps), hostname];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.ok(signal === "SIGKILL" || status === 0, stderr);
    if (status === 0) completed += 1;
    const { loaded, secrets, rolledBack } = await new ConfigStore(folder, diskFs).open();
    const now = loaded.config.hostname;
    assert.equal(loaded.errors, [], `killed after step ${steps}`);
    assert.ok(now === hostname || (status !== 0 && now === before), `killed after step ${steps}: ${now}`);
    assert.equal(secrets, now === "scsigate" ? {} : { "/mqtt/password": now }, `secrets of ${now}`);
    if (rolledBack !== undefined) assert.is(now, before);
    before = now;
    assert.ok(steps < 60, "it never gets to its end");
  }
  assert.is(statSync(join(folder, "secrets.json")).mode & 0o777, 0o600);
  rmSync(root, { recursive: true });
});

test.run();
