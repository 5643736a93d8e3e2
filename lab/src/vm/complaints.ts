// SPDX-License-Identifier: Apache-2.0
// Finds, in a kernel's console output, what a healthy kernel does not say.

const PATTERNS: readonly RegExp[] = [
  /\bWARNING: /,
  /\bBUG: /,
  /\bkernel BUG at /,
  /\bOops\b/,
  /general protection fault/,
  /unable to handle/i,
  /\bK[AC]SAN\b|\bKMSAN\b|\bKFENCE\b.*(?:error|BUG)|\bUBSAN: /,
  /Kernel panic/,
  /blocked for more than \d+ seconds/,
  /\bINFO: rcu\w* .*(?:stall|detected)/,
  /soft lockup|hard LOCKUP/,
  /possible (?:circular|recursive) locking|inconsistent lock state|suspicious RCU usage|lock held when returning/,
  /sleeping function called from invalid context|scheduling while atomic/,
  /refcount_t: /,
  /list_(?:add|del) corruption/,
  /Bad page state|Bad rss-counter/,
  /unregister_netdevice: waiting for/,
  /kmemleak: \d+ new/,
  /memory leak|use-after-free|double free|out-of-bounds/i,
  /Objects remaining in \S+ on|Slab cache still has objects/,
  /\bCall Trace:/,
];

/** Known words of healthy kernels that look like one of the above. */
const HARMLESS: readonly RegExp[] = [
  /KFENCE: (?:disabled|initialized)|kfence: initialized/,
  // said once at boot, about how the kernel is configured
  /kmemleak: Kernel memory leak detector initialized/,
  /RCU callback double-\/use-after-free debug is enabled/,
  /\*\*.*NOTICE/,
];

/** A kernel message as printk writes it on a console: [seconds], maybe [T123] behind it. */
const KERNEL_LINE = /^(?:<\d+>)?\[ *\d+\.\d{6}\]/;

export interface Complaint {
  /** Line that gave it away. */
  readonly line: string;
  /** That line and what followed. */
  readonly context: string;
}

const CONTEXT_LINES = 40;

/** Complaints among the lines. Lines within the context of one complaint (its stack trace) are no complaints of their own. */
export function findComplaints(lines: readonly string[]): Complaint[] {
  const complaints: Complaint[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? "").replace(/\r$/, "");
    if (!KERNEL_LINE.test(line)) continue;
    if (!PATTERNS.some((pattern) => pattern.test(line)) || HARMLESS.some((pattern) => pattern.test(line))) continue;
    complaints.push({ line, context: lines.slice(i, i + CONTEXT_LINES).join("\n") });
    i += CONTEXT_LINES - 1;
  }
  return complaints;
}
