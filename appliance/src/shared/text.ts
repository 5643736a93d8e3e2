// SPDX-License-Identifier: Apache-2.0
/** Text in files that people have written with whatever editor they have. */

/** Undefined when it is no text. The mark at the beginning goes, in UTF-8 as in what Windows calls Unicode (UTF-16). */
export function decodeText(data: Uint8Array): string | undefined {
  const wide = data.length >= 2 && data[0] === 0xff && data[1] === 0xfe;
  try {
    return new TextDecoder(wide ? "utf-16le" : "utf-8", { fatal: true }).decode(data);
  } catch {
    return undefined;
  }
}

/** A text that was read as UTF-8, without the byte order mark that some editors put in front. */
export function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}
