// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Choices, type Question } from "../../src/build/choices.ts";
import { packageOf, parseControl } from "../../src/build/debs.ts";
import {
  choosePair,
  type KernelArchive,
  type KernelPair,
  kernelVersions,
  relocated,
} from "../../src/build/kernel-pair.ts";
import { LabError } from "../../src/errors.ts";

const test = suite<{ dir: string; said: string[] }>("choices");

test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), "scsigate-choices-"));
  context.said = [];
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

/** As Debian's archive was in November 2026: headers of 6.1.0-57 are there, its signed image is not yet. */
const ARCHIVE = [
  ...["55", "56", "57"].flatMap((abi) => [
    `linux-headers-6.1.0-${abi}-amd64`,
    `linux-headers-6.1.0-${abi}-cloud-amd64`,
    `linux-headers-6.1.0-${abi}-common`,
    `linux-headers-6.1.0-${abi}-rt-amd64`,
    `linux-image-6.1.0-${abi}-amd64-dbg`,
    `linux-image-6.1.0-${abi}-amd64-unsigned`,
  ]),
  ...["9", "48", "55", "56"].flatMap((abi) => [`linux-image-6.1.0-${abi}-amd64`, `linux-image-6.1.0-${abi}-rt-amd64`]),
  "linux-headers-6.1.0-9-amd64",
  "linux-headers-6.12.107+deb12-amd64",
  "linux-headers-6.12.117+deb12-amd64",
  "linux-headers-6.12.117+deb12-common",
  "linux-image-6.12.107+deb12-amd64",
  "linux-image-6.12.117+deb12-amd64",
  "linux-image-6.12.117+deb12-cloud-amd64",
];

function pair(version: string): KernelPair {
  return { version, tree: `/tree/${version}`, headers: `/headers/${version}` };
}

/** An archive with these names, which gives out the versions of `has`. */
function archive(names: readonly string[], has: (version: string) => boolean): KernelArchive & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    names: async (prefix) => names.filter((name) => name.startsWith(prefix)),
    refresh: async () => void log.push("refresh"),
    obtain: async (version) => {
      log.push(version);
      if (!has(version)) throw new Error(`no ${version} here`);
      return pair(version);
    },
  };
}

test("headers without their signed image are no kernel: the newest complete pair is, by number and not by letter", () => {
  assert.equal(kernelVersions(ARCHIVE, "6.1"), ["6.1.0-56-amd64", "6.1.0-55-amd64", "6.1.0-9-amd64"]);
  assert.equal(kernelVersions(ARCHIVE, "6.12"), ["6.12.117+deb12-amd64", "6.12.107+deb12-amd64"]);
  assert.equal(kernelVersions(["linux-headers-6.1.0-57-rt-amd64", "linux-image-6.1.0-57-rt-amd64"], "6.1"), []);
});

test("a pair that is listed but cannot be had gives way to the next older one, without asking for new lists", async () => {
  const debian = archive(ARCHIVE, (version) => version !== "6.1.0-56-amd64");
  assert.equal(await choosePair("6.1", debian), pair("6.1.0-55-amd64"));
  assert.equal(debian.log, ["6.1.0-56-amd64", "6.1.0-55-amd64"]);
});

test("lists that are too old are made anew once", async () => {
  const old = archive(ARCHIVE, () => false);
  let fresh = false;
  const debian: KernelArchive = {
    names: (prefix) => old.names(prefix),
    refresh: async () => {
      fresh = true;
    },
    obtain: async (version) => (fresh ? pair(version) : old.obtain(version)),
  };
  assert.equal(await choosePair("6.12", debian), pair("6.12.117+deb12-amd64"));
});

test("no pair at all is told with the reason and what to do", async () => {
  for (const [names, reason] of [
    [ARCHIVE, "no 6.1.0-9-amd64 here"],
    [[], "No kernel 6.1 for amd64"],
  ] as const) {
    try {
      await choosePair(
        "6.1",
        archive(names, () => false),
      );
      assert.unreachable();
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      assert.is(error.code, "kernel-missing");
      assert.match(error.message, reason);
      assert.match(error.next, "Debian mirror");
    }
  }
});

test("headers find their other half beside them, wherever they are", () => {
  assert.is(
    relocated("include /usr/src/linux-headers-6.1.0-56-common/Makefile\n"),
    "include $(dir $(lastword $(MAKEFILE_LIST)))../linux-headers-6.1.0-56-common/Makefile\n",
  );
});

function kernelQuestion(
  decide: () => Promise<string>,
  usable: (answer: string) => boolean = () => true,
): Question<string> {
  return { what: "The kernel 6.1", key: ["kernel", "6.1"], decide, usable };
}

const unreachable = async (): Promise<string> => {
  throw new Error("Could not resolve the mirror\nand more");
};

test("what was chosen holds for the whole run, whatever the archive offers meanwhile; the next run chooses anew", async ({
  dir,
}) => {
  const last = join(dir, "last");
  const choices = (run: string): Choices => new Choices(join(dir, run), last, assert.unreachable);
  assert.is(await choices("run-1").answer(kernelQuestion(async () => "56")), "56");
  assert.is(await choices("run-1").answer(kernelQuestion(async () => "57")), "56");
  assert.is(
    await choices("run-1").answer({ ...kernelQuestion(async () => "other"), key: ["kernel", "6.12"] }),
    "other",
  );
  assert.is(await choices("run-2").answer(kernelQuestion(async () => "57")), "57");
});

test("processes that decide at the same time go on with the same answer", async ({ dir }) => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, number) =>
      new Choices(join(dir, "run"), join(dir, "last"), assert.unreachable).answer(
        kernelQuestion(async () => {
          await new Promise((resolve) => setTimeout(resolve, number % 3));
          return `answer ${number}`;
        }),
      ),
    ),
  );
  assert.is(new Set(answers).size, 1);
  assert.is(readdirSync(join(dir, "run")).length, 1);
});

test("where the archive is out of reach, what an earlier run chose is used, and that is said", async ({
  dir,
  said,
}) => {
  const choices = (run: string): Choices => new Choices(join(dir, run), join(dir, "last"), (line) => said.push(line));
  await choices("run-1").answer(kernelQuestion(async () => "56"));
  assert.is(await choices("run-2").answer(kernelQuestion(unreachable)), "56");
  assert.equal(said, [
    "The kernel 6.1 is taken from build/cache: the archive did not give it (Could not resolve the mirror).",
  ]);
  // and the whole run stays with it, though the archive is back
  assert.is(await choices("run-2").answer(kernelQuestion(async () => "57")), "56");
});

test("an answer whose files are gone is none", async ({ dir, said }) => {
  const choices = (run: string): Choices => new Choices(join(dir, run), join(dir, "last"), (line) => said.push(line));
  await choices("run-1").answer(kernelQuestion(async () => "56"));
  const gone = (answer: string): boolean => answer !== "56";
  assert.is(await choices("run-1").answer(kernelQuestion(async () => "57", gone)), "57");
  await choices("run-3").answer(kernelQuestion(async () => "56"));
  try {
    await choices("run-4").answer(kernelQuestion(unreachable, gone));
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), "Could not resolve the mirror");
  }
  assert.equal(said, []);
});

test("a package is known by its file's name, and by its control fields", () => {
  assert.equal(packageOf({ name: "busybox-static_1%3a1.35.0-4+deb12u1+b1_amd64.deb", sha: "" }), {
    name: "busybox-static",
    version: "1:1.35.0-4+deb12u1+b1",
  });
  const control = "Package: bash\nSource: bash (5.2.15-2)\nVersion: 5.2.15-2+b13\nArchitecture: amd64\n";
  assert.equal(parseControl(control, "SHA256:ab", ["bin/bash"]), {
    name: "bash",
    version: "5.2.15-2+b13",
    architecture: "amd64",
    source: "bash",
    sourceVersion: "5.2.15-2",
    sha256: "ab",
    files: ["bin/bash"],
  });
});

test.run();
