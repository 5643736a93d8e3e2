// SPDX-License-Identifier: Apache-2.0
/**
 * Bundles the two processes and the command: executor.js, service.js and cli.js in dist, CommonJS; and version.json. The
 * first two only load executor.main.js and service.main.js (src/shared/startBundle.ts).
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
mkdirSync(join(root, "dist"), { recursive: true });

const result = await build({
  absWorkingDir: root,
  entryPoints: {
    executor: "src/executor/entry.ts",
    "executor.main": "src/executor/main.ts",
    service: "src/service/entry.ts",
    "service.main": "src/service/main.ts",
    cli: "src/cli/main.ts",
  },
  outdir: "dist",
  bundle: true,
  platform: "node",
  target: "node18", // what Debian 12 has
  format: "cjs",
  minify: true, // parsed at every start, on slow machines
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  // Parts of mqtt that this appliance never uses: WebSocket, SOCKS and their like. Loading them costs start-up time and
  // memory.
  alias: { ws: "./scripts/unused.cjs", socks: "./scripts/unused.cjs", "node-gyp-build": "./scripts/nativeAddon.cjs" },
});
// Machine code that cannot be in a bundle: for all processors, as the package is one for all. All our images have glibc.
mkdirSync(join(root, "dist/native"), { recursive: true });
const prebuilds = join(dirname(createRequire(import.meta.url).resolve("@serialport/bindings-cpp")), "../prebuilds");
for (const [arch, file] of Object.entries({ x64: "", arm64: ".armv8", arm: ".armv6" })) {
  const from = join(prebuilds, `linux-${arch}`, `@serialport+bindings-cpp${file}.glibc.node`);
  copyFileSync(from, join(root, "dist/native", `serialport-${arch}.node`));
}
// Of adapters on USB; whoever has no cross compiler has none to offer them.
const firmware = join(root, "../firmware/build/scsigate-adapter.update");
if (existsSync(firmware)) copyFileSync(firmware, join(root, "dist/adapter.update"));
// The bundles are CommonJS although the workspace is not.
writeFileSync(join(root, "dist/package.json"), '{ "type": "commonjs" }\n');

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
writeFileSync(join(root, "dist/version.json"), `${JSON.stringify({ version, commit: commit() })}\n`);
// What the bundles are made of, for the bill of materials (lab/src/build/sbom.ts).
mkdirSync(join(root, "../build/meta"), { recursive: true });
writeFileSync(join(root, "../build/meta/appliance.json"), JSON.stringify(result.metafile));
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  console.log(`${file} ${Math.round(output.bytes / 1024)} KiB`);
}

/** The commit of the work tree, with + when it was changed; "unknown" outside of git. */
function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") ? "+" : "");
  } catch {
    return "unknown";
  }
}
