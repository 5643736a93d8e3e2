// SPDX-License-Identifier: Apache-2.0
// Trees of files in a VM, made for applications that carry them about, and compared afterwards.
import type { Vm } from "../vm/vm.ts";

export interface TreeOf {
  readonly files: number;
  readonly bytes: number;
}

/** Of small files in folders, and of a few large ones. */
const LARGE = 4;
const LARGE_KIB = 4096;
const PER_FOLDER = 50;

/** Random numbers in `small` files of up to 8 KiB, and random bytes in four of 4 MiB. */
export async function makeTree(vm: Vm, path: string, small: number): Promise<TreeOf> {
  // One program for all small ones: starting one for each takes longer than all the rest.
  const awk = `BEGIN { srand(${small}); for (i = 0; i < ${small}; i++) {
    file = sprintf("d%d/f%d", int(i / ${PER_FOLDER}), i)
    for (n = int(rand() * 120); n >= 0; n--) print rand(), rand(), rand(), rand(), rand(), rand(), rand() >file
    close(file)
  } }`;
  const out = await vm.ok(
    `set -e; mkdir -p ${path}; cd ${path}
    for i in $(seq 0 ${Math.ceil(small / PER_FOLDER) - 1}); do mkdir d$i; done
    awk '${awk}'
    for i in $(seq ${LARGE}); do head -c ${LARGE_KIB * 1024} /dev/urandom >large$i; done
    find . -type f | wc -l; find . -type f -exec cat {} + | wc -c`,
    { timeout: 180_000 },
  );
  const [files = 0, bytes = 0] = out.trim().split("\n").map(Number);
  return { files, bytes };
}

/** One sum over names and content of a tree. */
export function sumOf(path: string): string {
  return `(cd ${path} && find . -type f | sort | xargs sha256sum | sha256sum | cut -c 1-64)`;
}
