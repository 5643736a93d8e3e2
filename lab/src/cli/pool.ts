// SPDX-License-Identifier: Apache-2.0
// Jobs side by side, as many as fit.

/**
 * Runs all jobs: each starts as soon as its weight fits beside what runs, those that come first in the list before others that fit
 * as well. A job that is heavier than the capacity runs alone. Where one fails, the others still run; then its failure is thrown.
 */
export async function runPool<Job extends { readonly weight: number }>(
  jobs: readonly Job[],
  capacity: number,
  run: (job: Job) => Promise<void>,
): Promise<void> {
  const waiting = [...jobs];
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let load = 0;
  while (waiting.length > 0 || running.size > 0) {
    const next = waiting.findIndex(({ weight }) => running.size === 0 || load + weight <= capacity);
    const [job] = next < 0 ? [] : waiting.splice(next, 1);
    if (job === undefined) {
      await Promise.race(running);
      continue;
    }
    load += job.weight;
    const end = run(job)
      .catch((error: unknown) => void failures.push(error))
      .then(() => {
        load -= job.weight;
        running.delete(end);
      });
    running.add(end);
  }
  if (failures.length > 0) throw failures[0];
}
