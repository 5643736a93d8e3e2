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

/** Random bytes in `small` files of up to 8 KiB, and four of 4 MiB. */
export async function makeTree(vm: Vm, path: string, small: number): Promise<TreeOf> {
  // One large random file, cut up: starting a program for each small one takes longer than all the rest.
  const out = await vm.ok(
    `set -e; mkdir -p ${path}; cd ${path}
    head -c ${small * 8192} /dev/urandom >/tmp/random
    mkdir cut; cd cut; split -a 4 -b 8192 /tmp/random f; cd ..; rm /tmp/random
    i=0; for file in cut/*; do
      [ $((i % ${PER_FOLDER})) -gt 0 ] || mkdir d$((i / ${PER_FOLDER}))
      mv $file d$((i / ${PER_FOLDER})); i=$((i + 1))
    done
    rmdir cut
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
