// SPDX-License-Identifier: Apache-2.0
// The parts of documents that commands write, between two marks.
export const GENERATED_END = "<!-- to here -->";

/** The mark before the part that `command` writes. */
export function generatedBegin(command: string): string {
  return `<!-- ${command} writes from here -->`;
}

/** Puts new text between the two marks of a document. */
export function replaceGenerated(document: string, command: string, text: string): string {
  const mark = generatedBegin(command);
  const begin = document.indexOf(mark);
  const end = document.indexOf(GENERATED_END, begin);
  if (begin < 0 || end < begin) throw new Error(`The document lacks "${mark}" or "${GENERATED_END}".`);
  return `${document.slice(0, begin + mark.length)}\n\n${text}\n${document.slice(end)}`;
}
