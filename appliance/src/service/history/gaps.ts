// SPDX-License-Identifier: Apache-2.0
/** Slots without a value: those that only come of how samples fall into slots are filled, the others stay gaps. */

/**
 * Joins what is at both ends of a short gap by a straight line.
 * @param most empty slots that are no gap. Rows do not end where slots do: one sample that is missing leaves two slots of a second
 * empty at most.
 */
export function joined(values: readonly (number | null)[], most: number): (number | null)[] {
  const result = [...values];
  let last = -1;
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const before = values[last] ?? null;
    const missing = index - last - 1;
    if (before !== null && missing <= most) {
      for (let step = 1; step <= missing; step++) {
        result[last + step] = Number((before + ((value - before) * step) / (missing + 1)).toPrecision(4));
      }
    }
    last = index;
  }
  return result;
}

/** Latencies are read every five seconds, or fifteen: until the next reading, the last one holds. */
const HOLD_SLOTS = 16;

export function held(values: readonly (number | null)[]): (number | null)[] {
  let last: number | null = null;
  let age = 0;
  return values.map((value) => {
    age = value === null ? age + 1 : 0;
    last = value ?? (age < HOLD_SLOTS ? last : null);
    return last;
  });
}
