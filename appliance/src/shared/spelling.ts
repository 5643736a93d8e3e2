// SPDX-License-Identifier: Apache-2.0
/** Guesses what a mistyped word was meant to be. */

/** Words that are longer are no typing mistakes, and would cost time. */
const LONGEST_GUESS = 40;
/** Edits that a typing mistake makes at most. */
const EDITS = 2;

/** The one of `known` that is at most two edits away, and fewer than the word is long, capital letters aside; of equals the first. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_GUESS) return undefined;
  let best: string | undefined;
  let least = Math.min(EDITS + 1, word.length);
  for (const name of known) {
    const edits = distance(name.toLowerCase(), word.toLowerCase());
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** Edits (insert, remove, replace) between two words. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
