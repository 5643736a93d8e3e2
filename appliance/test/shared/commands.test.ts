// SPDX-License-Identifier: Apache-2.0
// Real programs, their ends and what is said of them.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runCommand } from "../../src/shared/commands.ts";
import { ScsigateError } from "../../src/shared/errors.ts";

const commands = suite("running programs");

async function refusal(work: Promise<string>): Promise<ScsigateError> {
  const outcome = await work.catch((error: unknown) => error);
  assert.instance(outcome, ScsigateError);
  return outcome as ScsigateError;
}

commands("its output, whole, with what it was told", async () => {
  assert.is(await runCommand("cat", [], { input: "words" }), "words");
  assert.is(await runCommand("true", []), "");
});

commands("an exit code is a failure unless it is an answer, and what the program said goes with it", async () => {
  const failing = ["-c", "echo out; echo reason >&2; exit 3"];
  const { code, message } = await refusal(runCommand("sh", failing));
  assert.is(code, "command-failed");
  assert.match(message, /: reason$/);
  assert.is(await runCommand("sh", failing, { mayExitWith: [3] }), "out\n");
});

commands("one that is not installed is named", async () => {
  assert.is((await refusal(runCommand("no-such-program", []))).code, "command-missing");
});

commands("one that takes too long is ended, and that is said", async () => {
  const { code, message } = await refusal(runCommand("sleep", ["60"], { timeoutMs: 50 }));
  assert.is(code, "command-failed");
  assert.match(message, "sleep 60: it had not ended after 0.05 s");
});

commands("half an output is none: the program has ended well, and its output was not read in time", async () => {
  const working = runCommand("seq", ["20000"], { timeoutMs: 300 });
  const until = performance.now() + 600;
  while (performance.now() < until); // as on a machine that has no time for us
  const outcome = await working.catch((error: unknown) => error);
  if (outcome instanceof ScsigateError) assert.match(outcome.message, "had not ended after 0.3 s");
  else assert.is(String(outcome).trimEnd().split("\n").length, 20_000);
});

commands.run();
