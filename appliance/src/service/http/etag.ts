// SPDX-License-Identifier: Apache-2.0
/**
 * Entity tags in requests (RFC 9110, sections 8.8.3 and 13.1). Ours name what is meant, not how it is packed, so that W/ makes no
 * difference: a proxy that compresses answers marks every tag with it, and its clients send that back.
 */

const TAG = /(?:W\/)?("[^"]*")/g;

/**
 * The tag that a header means.
 * @param header If-Match or If-None-Match: tags in quotation marks with commas between them, or *
 * @param current of what is there
 * @returns * or `current` where the header names it; otherwise its first tag, or the header as it is where it has none
 */
export function tagOf(header: string, current: string): string {
  if (header.trim() === "*") return "*";
  const tags = [...header.matchAll(TAG)].map(([, tag = ""]) => tag);
  return tags.includes(current) ? current : (tags[0] ?? header);
}

/** Whether the client of a request has this already: If-None-Match. */
export function hasAlready(header: string | undefined, current: string): boolean {
  return header !== undefined && [current, "*"].includes(tagOf(header, current));
}
