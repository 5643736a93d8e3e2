// SPDX-License-Identifier: Apache-2.0
/** Accessibility rules (axe-core) on what a page shows now. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Violations, each with the elements that it is about. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(SOURCE); // by the debugger: the page's content policy would not let it in
  const found = await page.evaluate(
    "axe.run().then((result) => result.violations.map((one) => " +
      "one.id + ': ' + one.nodes.map((node) => node.target.join(' ') + ' ' + node.failureSummary).join('; ')))",
  );
  return found as string[];
}
