// SPDX-License-Identifier: Apache-2.0
/** Builds dist/: one page, one script, one style sheet, an icon, and a compressed copy of each. Names of script and style carry a hash. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Budget of the first load, compressed, bytes (docs/architecture.md of the project asks for 60 KiB). */
const BUDGET = 60 * 1024;

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const result = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.tsx", "src/style.css"],
  outdir: "dist",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  splitting: true, // what is imported at run time, the charts, is loaded when it is needed
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
// What the bundles are made of, for the bill of materials (lab/src/build/sbom.ts).
mkdirSync(join(root, "../build/meta"), { recursive: true });
writeFileSync(join(root, "../build/meta/web-ui.json"), JSON.stringify(result.metafile));
const names = Object.keys(result.metafile.outputs).map((path) => basename(path));
const script = names.find((name) => /^main-.*\.js$/.test(name)) ?? "";
const style = names.find((name) => name.endsWith(".css")) ?? "";
const page = readFileSync(join(root, "src/index.html"), "utf8").replace("%SCRIPT%", script).replace("%STYLE%", style);
/** Loaded with the page: what the script imports at its start, too. */
const first = new Set([script, style, "index.html", "icon.svg"]);
for (const name of first) {
  const { imports = [] } = Object.entries(result.metafile.outputs).find(([path]) => basename(path) === name)?.[1] ?? {};
  for (const { path, kind } of imports) if (kind === "import-statement") first.add(basename(path));
}
writeFileSync(join(dist, "index.html"), page);
writeFileSync(join(dist, "icon.svg"), readFileSync(join(root, "src/icon.svg")));

/** One catalogue of words is loaded with the page, too: that of the browser's language. */
const catalogues = Object.entries(result.metafile.outputs).flatMap(([path, { entryPoint = "" }]) =>
  entryPoint.startsWith("src/strings/") ? [basename(path)] : [],
);
const sizes = new Map<string, number>();
for (const name of [...names, "index.html", "icon.svg"]) {
  const packed = gzipSync(readFileSync(join(dist, name)), { level: 9 });
  writeFileSync(join(dist, `${name}.gz`), packed);
  sizes.set(name, packed.length);
  console.log(`dist/${name} ${packed.length} bytes compressed${first.has(name) ? "" : ", loaded later"}`);
}
for (const catalogue of catalogues) {
  const total = [...first, catalogue].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  console.log(`first load with ${catalogue} ${total} bytes compressed, budget ${BUDGET}`);
  if (total > BUDGET) process.exit(1);
}
if (catalogues.length < 2) throw new Error("the catalogues are not files of their own");
