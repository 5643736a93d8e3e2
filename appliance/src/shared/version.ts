// SPDX-License-Identifier: Apache-2.0
/** Versions by semantic versioning 2.0.0: which one is newer. */

const VERSION = /^v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Negative, zero or positive, as the first one is older, as new, or newer; what follows a plus sign does not count.
 * @returns undefined when one of them is no version
 */
export function compareVersions(one: string, other: string): number | undefined {
  const [, ...first] = VERSION.exec(one) ?? [];
  const [, ...second] = VERSION.exec(other) ?? [];
  if (first.length === 0 || second.length === 0) return undefined;
  for (let place = 0; place < 3; place++) {
    const difference = Number(first[place]) - Number(second[place]);
    if (difference !== 0) return difference;
  }
  return comparePreReleases(first[3], second[3]);
}

/** A version without one is newer than all of its pre-releases. */
function comparePreReleases(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
  const [first, second] = [one.split("."), other.split(".")];
  for (let place = 0; place < Math.max(first.length, second.length); place++) {
    const difference = compareIdentifiers(first[place], second[place]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Numbers come before words; an identifier that is there comes after none. */
function compareIdentifiers(one: string | undefined, other: string | undefined): number {
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined);
  const numeric = [one, other].map((identifier) => /^[0-9]+$/.test(identifier));
  if (numeric[0] && numeric[1]) return Number(one) - Number(other);
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return one === other ? 0 : one < other ? -1 : 1;
}
