// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DebPackage } from "../../src/build/debs.ts";
import { commonLicencesIn, licencesIn, spdxId } from "../../src/build/licences.ts";
import {
  copyrightOf,
  cycloneDx,
  debianPart,
  licenceReport,
  npmPackagesIn,
  npmPart,
  type Part,
  packagesOf,
} from "../../src/build/sbom.ts";
import { repoDir } from "../../src/paths.ts";

const test = suite<{ dir: string }>("sbom");

test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), "scsigate-sbom-"));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const DEP5 = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 A
License: GPL-2+ and Expat

Files: debian/*
Copyright: 2021 B
License: GPL-2+

License: GPL-2+
 On Debian systems, the full text is in /usr/share/common-licenses/GPL-2.
`;

function deb(name: string, files: readonly string[]): DebPackage {
  return {
    ...{ name, version: "1:2.3-4+b1", architecture: "amd64", source: "src", sourceVersion: "1:2.3-4" },
    ...{ sha256: "0".repeat(64), homepage: "https://example.org/", files },
  };
}

test("licences have SPDX's names where there are some, and Debian's otherwise", () => {
  assert.is(spdxId("GPL-2+"), "GPL-2.0-or-later");
  assert.is(spdxId("LGPL-2.1"), "LGPL-2.1-only");
  assert.is(spdxId("GFDL-1.3+"), "GFDL-1.3-or-later");
  assert.is(spdxId("Expat"), "MIT");
  assert.is(spdxId("bsd-3-clause"), "BSD-3-Clause");
  assert.is(spdxId("Apache-2.0"), "Apache-2.0");
  assert.is(spdxId("GPL-2+ with OpenSSL exception"), undefined);
  assert.is(spdxId("public-domain"), undefined);
});

test("a copyright file with fields names its licences there, one without by the texts it refers to", () => {
  assert.equal(licencesIn(DEP5), ["GPL-2.0-or-later", "MIT"]);
  const prose = "It is free software. The full text is in `/usr/share/common-licenses/GPL-2'.\n";
  assert.equal(licencesIn(prose), ["GPL-2.0-only"]);
  assert.equal(licencesIn("Do what you like.\n"), []);
  assert.equal(commonLicencesIn(DEP5), ["GPL-2"]);
});

test("a root consists of the packages that its files come from, and of no others", () => {
  const [used, unused] = [deb("used", ["bin/used", "lib/libused.so.1"]), deb("unused", ["bin/unused"])];
  const trees = new Map([["/tree", [used, unused]]]);
  const entries = [
    { kind: "file", path: "usr/bin/used", mode: 0o755, source: "/tree/bin/used" },
    { kind: "file", path: "etc/ours", mode: 0o644, source: Buffer.from("ours") },
    { kind: "file", path: "usr/bin/node", mode: 0o755, source: "/elsewhere/node" },
    { kind: "link", path: "usr/bin/alias", target: "used" },
  ] as const;
  assert.equal(packagesOf(entries, trees), [used]);
  const stray = { kind: "file", path: "usr/bin/x", mode: 0o755, source: "/tree/bin/x" } as const;
  assert.throws(() => packagesOf([...entries, stray], trees), /usr\/bin\/x of the root comes from \/tree\/bin\/x/);
});

test("a package whose documentation is another one's has that one's copyright", ({ dir }) => {
  const doc = join(dir, "usr/share/doc");
  mkdirSync(join(doc, "own"), { recursive: true });
  writeFileSync(join(doc, "own/copyright"), DEP5);
  symlinkSync("own", join(doc, "lib"));
  symlinkSync("base", join(doc, "lost"));
  assert.equal(copyrightOf("own", dir), { file: join(doc, "own/copyright") });
  assert.equal(copyrightOf("lib", dir), { file: join(doc, "own/copyright") });
  assert.equal(copyrightOf("lost", dir), { package: "base" });
});

test("npm packages are those of which esbuild really put something into a bundle", async ({ dir }) => {
  for (const [name, code] of Object.entries({
    "@scope/used": "export const used = 1;",
    unused: "export const unused = 2;",
  })) {
    const folder = join(dir, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: "1.2.3", license: "(MIT OR X11)" }));
    writeFileSync(join(folder, "index.js"), code);
    writeFileSync(join(folder, "LICENSE.md"), "the text\n");
  }
  writeFileSync(
    join(dir, "main.js"),
    'import { used } from "@scope/used"; import { unused } from "unused"; console.log(used);\n',
  );
  const { metafile } = await build({
    ...{ absWorkingDir: dir, entryPoints: ["main.js"], bundle: true, write: false, metafile: true, outdir: "out" },
    treeShaking: true,
  });
  assert.equal(npmPackagesIn(metafile), ["node_modules/@scope/used"]);
  const part = npmPart(join(dir, "node_modules/@scope/used"));
  assert.is(part.purl, "pkg:npm/%40scope/used@1.2.3");
  assert.equal(part.licences, ["MIT", "X11"]);
  assert.is(part.licenceText, "the text\n");
});

const image = { name: "scsigate", version: "0.1.0", timestamp: "2026-11-28T00:00:00.000Z" };

function someParts(): Part[] {
  return [
    debianPart(deb("libused1", []), DEP5),
    debianPart(deb("g++-like", []), "Do what you like.\n"),
    npmPart(join(repoDir, "node_modules/uvu")),
  ];
}

test("the bill of materials is what CycloneDX 1.6's own schema asks for", async () => {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  const bill = cycloneDx(image, someParts());
  assert.is(await validator.validate(bill), null);
  // and the validator sees what is wrong
  assert.is.not(await validator.validate(bill.replace('"GPL-2.0-or-later"', '"GPL-2-or-so"')), null);
  assert.match(bill, "pkg:deb/debian/g%2B%2B-like@1%3A2.3-4%2Bb1?arch=amd64");
  assert.match(bill, '"value": "src 1:2.3-4"');
});

test("the same parts give the same bill, in whatever order they come; other parts another serial number", () => {
  const parts = someParts();
  assert.is(cycloneDx(image, parts), cycloneDx(image, [...parts].reverse()));
  const serial = (bill: string): string | undefined => /urn:uuid:[0-9a-f-]{36}/.exec(bill)?.[0];
  assert.ok(serial(cycloneDx(image, parts)));
  assert.is.not(serial(cycloneDx(image, parts)), serial(cycloneDx(image, parts.slice(1))));
});

test("the licence report has each part once in its table, and each text once", () => {
  const parts = [...someParts(), debianPart(deb("libused2", []), DEP5)];
  const report = licenceReport(image, parts, new Map([["GPL-2", "GNU GENERAL PUBLIC LICENSE\n"]]));
  assert.match(report, "libused1 1:2.3-4+b1 (source: src 1:2.3-4)\n    GPL-2.0-or-later, MIT\n");
  assert.match(report, "g++-like 1:2.3-4+b1 (source: src 1:2.3-4)\n    see its text below\n");
  assert.is(report.split("Format: https://www.debian.org/doc").length, 2);
  assert.match(report, /libused1 1:2.3-4\+b1\nlibused2 1:2.3-4\+b1\n=+\n\nFormat:/);
  assert.match(report, /Licence GPL-2\n=+\n\nGNU GENERAL PUBLIC LICENSE\n/);
});

test.run();
