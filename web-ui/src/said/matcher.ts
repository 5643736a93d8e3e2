// SPDX-License-Identifier: Apache-2.0
/** Pure: from a text with values in it to its template, and from there to the same text in another language. */

/** {1}, {1 text} or {1 number} */
const HOLE = /\{(\d)( text| number)?\}/;
/** What two texts that are told as one have between them; before a colon, there may be a name or an address as well. */
const BETWEEN = ["; ", ": "];
/** So many texts, and parts of texts, are not looked for again: most come with every state of the gateway. */
const REMEMBERED = 2000;

interface Template {
  pattern: RegExp;
  /** Characters outside of holes: of two templates that fit, the one with more of them is meant. */
  fixed: number;
  target: string;
}

interface Found {
  text: string;
  /** Of the English text, characters that are not in holes. */
  fixed: number;
}

/**
 * @param catalogue templates in English, by them what they are in the other language
 * @param number writes a number as that language does
 * @returns what translates a text; a text that no template fits stays as it is
 */
export function translator(
  catalogue: Readonly<Record<string, string>>,
  number: (value: number) => string,
): (text: string) => string {
  const exact = new Map<string, string>();
  const templates: Template[] = [];
  for (const [source, target] of Object.entries(catalogue)) {
    if (HOLE.test(source)) templates.push(compiled(source, target));
    else exact.set(uncapitalised(source), target);
  }
  templates.sort((one, other) => other.fixed - one.fixed);
  const remembered = new Map<string, Found | undefined>();

  const known = (text: string): Found | undefined => {
    if (!remembered.has(text)) remembered.set(text, better(whole(text), text));
    return remembered.get(text);
  };

  /** A text may be one as a whole, or two: taken is what leaves less to holes. */
  const better = (own: Found | undefined, text: string): Found | undefined => {
    if (own?.fixed === text.length) return own;
    const two = parts(text);
    return own === undefined || (two !== undefined && two.fixed > own.fixed) ? two : own;
  };

  const whole = (text: string): Found | undefined => {
    const own = exact.get(uncapitalised(text));
    if (own !== undefined) return { text: own, fixed: text.length };
    for (const template of templates) {
      const values = template.pattern.exec(text);
      if (values !== null) return filled(template, values);
    }
    return undefined;
  };

  const parts = (text: string): Found | undefined => {
    for (const between of BETWEEN) {
      for (let at = text.indexOf(between); at !== -1; at = text.indexOf(between, at + 1)) {
        const before = text.slice(0, at);
        const isName = between === ": " && !before.includes(" ");
        const first = whole(before) ?? (isName ? { text: before, fixed: 0 } : undefined);
        const rest = first === undefined ? undefined : known(text.slice(at + between.length));
        if (first === undefined || rest === undefined) continue;
        return { text: first.text + between + rest.text, fixed: first.fixed + between.length + rest.fixed };
      }
    }
    return undefined;
  };

  const filled = (template: Template, values: readonly string[]): Found => {
    let { fixed } = template;
    const text = template.target.replace(new RegExp(HOLE, "g"), (_hole, index: string, kind: string | undefined) => {
      const value = values[Number(index)] ?? "";
      const inner = kind === " text" ? known(value) : undefined;
      fixed += inner?.fixed ?? 0;
      return inner?.text ?? (kind === " number" && /^[0-9.]+$/.test(value) ? number(Number(value)) : value);
    });
    return { text, fixed };
  };

  return (text) => {
    if (remembered.size >= REMEMBERED) remembered.clear();
    return known(text)?.text ?? text;
  };
}

function compiled(source: string, target: string): Template {
  const pieces = source.split(/\{\d\}/);
  const [first = "", ...others] = pieces.map((piece) => piece.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  // A text may stand within a sentence or begin one.
  const begins = first.replace(/^\p{L}/u, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
  return {
    pattern: new RegExp(`^${[begins, ...others].join("([^]*?)")}$`),
    fixed: pieces.join("").length,
    target,
  };
}

function uncapitalised(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
