// SPDX-License-Identifier: Apache-2.0
// What the image is made of: a bill of materials (CycloneDX 1.6, as Buildroot's utils/generate-cyclonedx writes it for the other
// root) and the licences of all that, with their texts.
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { LabError } from "../errors.ts";
import type { TreeEntry } from "./cpio.ts";
import type { DebPackage } from "./debs.ts";
import { licencesIn, spdxId } from "./licences.ts";

export interface Part {
  readonly type: "application" | "library" | "operating-system" | "device-driver" | "firmware";
  readonly name: string;
  readonly version: string;
  /** https://github.com/package-url/purl-spec */
  readonly purl: string;
  /** SPDX identifiers, or names where there is none. All apply, each to some of its files. */
  readonly licences: readonly string[];
  /** What its author or distributor ships as licence. */
  readonly licenceText: string;
  readonly description?: string;
  readonly homepage?: string;
  readonly sha256?: string;
  /** Debian's source package and its version. */
  readonly source?: string;
  /** Source packages that are linked into it. */
  readonly builtUsing?: string;
}

/** The packages whose files are in a root. `trees` are folders of unpackedDebs() with their packages. */
export function packagesOf(
  entries: readonly TreeEntry[],
  trees: ReadonlyMap<string, readonly DebPackage[]>,
): DebPackage[] {
  const owners = new Map<string, DebPackage>();
  for (const [tree, packages] of trees) {
    for (const deb of packages) for (const file of deb.files) owners.set(join(tree, file), deb);
  }
  const found = new Set<DebPackage>();
  for (const entry of entries) {
    if (entry.kind !== "file" || typeof entry.source !== "string") continue;
    const { source } = entry;
    const owner = owners.get(source);
    if (owner !== undefined) found.add(owner);
    else if ([...trees.keys()].some((tree) => source.startsWith(`${tree}/`))) {
      throw new LabError(
        "usage",
        `${entry.path} of the root comes from ${source}, which no Debian package there has.`,
        "Correct lab/src/build/sbom.ts, which looks it up.",
      );
    }
  }
  return [...found].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where the copyright file of a package is: of itself, or of another package that its documentation is a link to. */
export function copyrightOf(name: string, tree: string): { file: string } | { package: string } {
  const dir = join(tree, "usr/share/doc", name);
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  const owner = stat?.isSymbolicLink() === true ? basename(readlinkSync(dir)) : name;
  const file = join(tree, "usr/share/doc", owner, "copyright");
  return existsSync(file) ? { file } : { package: owner };
}

export function debianPart(deb: DebPackage, copyright: string): Part {
  const type = deb.name.startsWith("linux-image-")
    ? "operating-system"
    : deb.name.startsWith("lib") || deb.name === "zlib1g"
      ? "library"
      : "application";
  const source = `${deb.source} ${deb.sourceVersion}`;
  const { name, version, architecture, homepage, sha256, builtUsing } = deb;
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
  return {
    ...{ type, name, version, purl, source, licences: licencesIn(copyright), licenceText: copyright },
    ...(homepage === undefined ? {} : { homepage }),
    ...(builtUsing === undefined ? {} : { builtUsing }),
    ...(/^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {}),
  };
}

/** As much of esbuild's metafile as says what is in its outputs. */
export interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, { bytesInOutput: number }>> }>>;
}

/** Folders of the npm packages of which something is in the bundles, relative to where esbuild ran. */
export function npmPackagesIn(metafile: Metafile): string[] {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  return [...folders].sort();
}

export function licenceFile(folder: string): string {
  const name = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying)(\.|-|$)/i.test(file))
    .sort()[0];
  return name === undefined ? "" : readFileSync(join(folder, name), "utf8");
}

export function npmPart(folder: string): Part {
  const { name, version, license, homepage } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
    homepage?: string;
  };
  if (license === undefined) {
    throw new LabError("usage", `The npm package ${name} names no licence.`, "Do not ship it before that is known.");
  }
  const text = licenceFile(folder);
  const licences = license
    .replace(/[()]/g, "")
    .split(/ (?:AND|OR) /)
    .map((part) => spdxId(part) ?? part);
  return {
    ...{ type: "library", name, version, purl: `pkg:npm/${name.replace("@", "%40")}@${version}`, licences },
    licenceText: text === "" ? `${license}, says its package.json; it ships no text.\n` : text,
    ...(homepage === undefined ? {} : { homepage }),
  };
}

export interface Image {
  readonly name: string;
  readonly version: string;
  /** ISO 8601, of the source: the same source gives the same bill. */
  readonly timestamp: string;
}

function component(part: Part): object {
  const properties = [
    ...(part.source === undefined ? [] : [{ name: "debian:source", value: part.source }]),
    ...(part.builtUsing === undefined ? [] : [{ name: "debian:built-using", value: part.builtUsing }]),
  ];
  return {
    type: part.type,
    "bom-ref": part.purl,
    name: part.name,
    version: part.version,
    ...(part.description === undefined ? {} : { description: part.description }),
    ...(part.sha256 === undefined ? {} : { hashes: [{ alg: "SHA-256", content: part.sha256 }] }),
    licenses: part.licences.map((name) => ({ license: spdxId(name) === name ? { id: name } : { name } })),
    purl: part.purl,
    ...(part.homepage === undefined ? {} : { externalReferences: [{ type: "website", url: part.homepage }] }),
    ...(properties.length === 0 ? {} : { properties }),
  };
}

/** A serial number that hangs on the content, in the form of a UUID. */
function serial(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join("-")}`;
}

/** The bill of materials as CycloneDX 1.6 JSON. */
export function cycloneDx(image: Image, parts: readonly Part[]): string {
  const sorted = [...parts].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const ref = `pkg:generic/${image.name}-image@${encodeURIComponent(image.version)}`;
  const content = {
    metadata: {
      timestamp: image.timestamp,
      component: { type: "firmware", "bom-ref": ref, name: `${image.name}-image`, version: image.version, purl: ref },
    },
    components: sorted.map(component),
    dependencies: [{ ref, dependsOn: sorted.map(({ purl }) => purl) }],
  };
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: serial(JSON.stringify(content)),
    version: 1,
    ...content,
  };
  return `${JSON.stringify(bill, undefined, 2)}\n`;
}

const RULE = "=".repeat(100);

/** A table of all parts, then each licence text once, under the names of those that it belongs to. */
export function licenceReport(
  image: Image,
  parts: readonly Part[],
  commonLicences: ReadonlyMap<string, string>,
): string {
  const sorted = [...parts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const texts = new Map<string, string[]>();
  for (const part of sorted) {
    const title = `${part.name} ${part.version}`;
    texts.set(part.licenceText, [...(texts.get(part.licenceText) ?? []), title]);
  }
  for (const [name, text] of commonLicences) texts.set(text, [...(texts.get(text) ?? []), `Licence ${name}`]);
  const rows = sorted.map(({ name, version, source, builtUsing, licences }) => {
    const from =
      source === undefined ? "" : ` (source: ${source}${builtUsing === undefined ? "" : `, with ${builtUsing}`})`;
    return `${name} ${version}${from}\n    ${licences.length === 0 ? "see its text below" : licences.join(", ")}`;
  });
  return `${[
    `Licences of ${image.name} ${image.version}: ${sorted.length} parts, then the texts`,
    "Where several licences are named, each covers some files of that part; its text says which.",
    "Sources of Debian's packages, in exactly these versions: https://snapshot.debian.org/package/SOURCE/VERSION/",
    "",
    ...rows,
    ...[...texts].flatMap(([text, titles]) => ["", RULE, ...titles, RULE, "", text.trimEnd()]),
  ].join("\n")}\n`;
}
