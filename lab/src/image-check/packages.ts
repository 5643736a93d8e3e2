// SPDX-License-Identifier: Apache-2.0
// Packages: Buildroot derives every name from the folder's, and says nothing about a name that it does not find.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EXTERNAL, type Finding, linesOf } from "./tree.ts";

function upper(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function checkMakefile(dir: string, name: string): Finding[] {
  const file = `package/${name}/${name}.mk`;
  if (!existsSync(join(dir, file))) return [`${file} is missing`];
  const lines = linesOf(join(dir, file));
  const banner = ["#".repeat(80), "#", `# ${name}`, "#", "#".repeat(80)];
  const variables = lines.flatMap((line) => /^(?:define )?([A-Z][A-Z0-9_]*)(?: [+:?]?=|$)/.exec(line)?.[1] ?? []);
  const prefix = `${upper(name)}_`;
  return [
    ...(banner.every((line, index) => lines[index] === line) ? [] : [`${file} does not begin with Buildroot's banner`]),
    ...variables
      .filter((variable) => !variable.startsWith(prefix))
      .map((variable) => `${file}: ${variable} must begin with ${prefix}`),
    ...["VERSION", "SITE", "LICENSE"]
      .filter((variable) => !variables.includes(prefix + variable))
      .map((variable) => `${file} has no ${prefix}${variable}`),
    ...(lines.some((line) => /^\$\(eval \$\([a-z-]+-package\)\)$/.test(line)) ? [] : [`${file} makes no package`]),
    ...checkHashes(dir, name, lines),
  ];
}

/** What comes from the network has a hash, and so has the licence in it. */
function checkHashes(dir: string, name: string, makefile: readonly string[]): Finding[] {
  const value = (variable: string): string | undefined =>
    makefile.find((line) => line.startsWith(`${upper(name)}_${variable} = `))?.split(" = ")[1];
  if (!/^https?:/.test(value("SITE") ?? "")) return [];
  const file = `package/${name}/${name}.hash`;
  if (!existsSync(join(dir, file))) return [`${file} is missing, and ${name} comes from the network`];
  const hashed = linesOf(join(dir, file)).flatMap((line) => /^sha256 {2}[0-9a-f]{64} {2}(\S+)$/.exec(line)?.[1] ?? []);
  const version = value("VERSION") ?? "";
  const licences = (value("LICENSE_FILES") ?? "").split(" ").filter(Boolean);
  return [
    ...(hashed.some((source) => source.includes(version)) ? [] : [`${file} has no sha256 for version ${version}`]),
    ...licences.filter((licence) => !hashed.includes(licence)).map((licence) => `${file} has no sha256 for ${licence}`),
  ];
}

function checkConfig(dir: string, name: string): Finding[] {
  const file = `package/${name}/Config.in`;
  if (!existsSync(join(dir, file))) return [`${file} is missing`];
  const lines = linesOf(join(dir, file));
  const at = lines.indexOf(`config BR2_PACKAGE_${upper(name)}`);
  if (at < 0) return [`${file} does not define BR2_PACKAGE_${upper(name)}`];
  return lines[at + 1] === `\tbool "${name}"` ? [] : [`${file}: BR2_PACKAGE_${upper(name)} must be bool "${name}"`];
}

export function checkPackages(dir: string): Finding[] {
  const names = readdirSync(join(dir, "package")).sort();
  const sourced = linesOf(join(dir, "Config.in")).filter(Boolean);
  const expected = names.map((name) => `source "$BR2_EXTERNAL_${EXTERNAL}_PATH/package/${name}/Config.in"`);
  const includes = linesOf(join(dir, "external.mk")).some((line) => line.includes("/package/*/*.mk"));
  return [
    ...(linesOf(join(dir, "external.desc"))[0] === `name: ${EXTERNAL}` ? [] : [`external.desc must name ${EXTERNAL}`]),
    ...(includes ? [] : ["external.mk does not include the packages' makefiles"]),
    ...(sourced.join("\n") === expected.join("\n")
      ? []
      : ["Config.in does not source each package's Config.in, sorted"]),
    ...names.flatMap((name) => [...checkConfig(dir, name), ...checkMakefile(dir, name)]),
  ];
}
