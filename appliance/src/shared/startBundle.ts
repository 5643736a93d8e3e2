// SPDX-License-Identifier: Apache-2.0
/**
 * Starts a bundle with V8's compiled code of it, where the image has that beside it: parsing the bundle costs more than all
 * the rest of a start. The image is read-only and signed; nobody who is not root could put another file there.
 */
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

/** What a bundle exports. */
interface Program {
  start(): void;
}

type Wrapped = (exports: object, require: NodeJS.Require, module: object, filename: string, dirname: string) => void;

/**
 * @param path absolute, of a CommonJS bundle in ASCII; the compiled code is in `<path>.cache`, made by scripts/compile.cjs. V8
 * leaves it out by itself where it is of another Node, or of another length of the source, or made with other options.
 */
export function startBundle(path: string): void {
  const require = createRequire(path);
  let cachedData: Buffer;
  try {
    cachedData = readFileSync(`${path}.cache`);
  } catch {
    (require(path) as Program).start();
    return;
  }
  const script = new Script(Module.wrap(readFileSync(path, "latin1")), { filename: path, cachedData });
  const module = { exports: {} };
  const run = script.runInThisContext() as Wrapped;
  run(module.exports, require, module, path, dirname(path));
  (module.exports as Program).start();
}
