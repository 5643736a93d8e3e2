// SPDX-License-Identifier: Apache-2.0
// Kernel fragments: every symbol exists. Kconfig drops others without a word.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { boards, type Config, type Finding, filesBelow, fragmentsOf, linesOf, parseConfig } from "./tree.ts";

const KERNEL_DIR = "board/common/kernel";
const ELSEWHERE = `${KERNEL_DIR}/not-on-amd64`;

/** Kernel architecture of a board, as not-on-amd64 names it. */
function architectureOf(dir: string, board: string): string {
  const line = linesOf(join(dir, `board/${board}/meta`)).find((text) => text.startsWith("ARCHITECTURE="));
  const name = line?.slice("ARCHITECTURE=".length) ?? "";
  return name === "aarch64" ? "arm64" : name;
}

/** Symbols that a kernel's configuration shows, set or not. */
export function symbolsOf(config: readonly string[]): Set<string> {
  return new Set(config.map((line) => parseConfig(line, "CONFIG")?.symbol).filter((symbol) => symbol !== undefined));
}

function parse(dir: string, file: string): { configs: Config[]; findings: Finding[] } {
  const configs: Config[] = [];
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const [index, line] of linesOf(join(dir, file)).entries()) {
    const config = parseConfig(line, "CONFIG");
    if (config === undefined) {
      if (line !== "" && !/^# (?!CONFIG_)/.test(line))
        findings.push(`${file}:${index + 1}: Kconfig cannot read "${line}"`);
      continue;
    }
    if (seen.has(config.symbol)) findings.push(`${file}:${index + 1}: ${config.symbol} is there twice`);
    seen.add(config.symbol);
    configs.push(config);
  }
  return { configs, findings };
}

/** Two fragments of one kernel that say different things: only the later one counts. */
function contradictions(dir: string, board: string): Finding[] {
  const first = new Map<string, { file: string; value: string | undefined }>();
  return fragmentsOf(dir, board)
    .filter((file) => existsSync(join(dir, file)))
    .flatMap((file) =>
      parse(dir, file).configs.flatMap(({ symbol, value }) => {
        const other = first.get(symbol);
        first.set(symbol, other ?? { file, value });
        return other === undefined ? [] : [`${file} sets ${symbol}, and so does ${other.file}`];
      }),
    );
}

/** `known`: what Debian's kernel of the same series shows on amd64. */
export function checkFragments(dir: string, known: ReadonlySet<string>): Finding[] {
  const users = new Map<string, string[]>(); // fragment -> architectures
  for (const board of boards(dir)) {
    for (const file of fragmentsOf(dir, board)) {
      users.set(file, [...(users.get(file) ?? []), architectureOf(dir, board)]);
    }
  }
  const elsewhere = new Map(
    linesOf(join(dir, ELSEWHERE))
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(" "))
      .map(([symbol = "", architecture = ""]) => [symbol, architecture]),
  );
  const all = filesBelow(dir, "board").filter((file) => /(\/kernel\/[^/]*|\/kernel)\.config$/.test(file));
  const used = new Set<string>();
  const findings = all.flatMap((file) => {
    const { configs, findings: unreadable } = parse(dir, file);
    const unknown = configs.flatMap(({ symbol }) => {
      used.add(symbol);
      if (known.has(symbol)) return [];
      const architecture = elsewhere.get(symbol);
      if (architecture === undefined)
        return [`${file}: no kernel has ${symbol}, or not on amd64 (then ${ELSEWHERE} needs it)`];
      const wrong = (users.get(file) ?? []).filter((user) => user !== architecture);
      return wrong.length === 0
        ? []
        : [`${file}: ${symbol} exists on ${architecture} only, and a board is ${wrong[0]}`];
    });
    return [...unreadable, ...unknown, ...(users.has(file) ? [] : [`${file} is used by no board`])];
  });
  const stale = [...elsewhere.keys()].filter((symbol) => !used.has(symbol) || known.has(symbol));
  return [
    ...findings,
    ...boards(dir).flatMap((board) => contradictions(dir, board)),
    ...stale.map((symbol) => `${ELSEWHERE}: ${symbol} ${used.has(symbol) ? "exists on amd64" : "is in no fragment"}`),
  ];
}
