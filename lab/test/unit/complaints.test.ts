// SPDX-License-Identifier: Apache-2.0
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findComplaints } from "../../src/vm/complaints.ts";

const test = suite("kernel complaints");

const BAD = [
  "WARNING: CPU: 0 PID: 93 at net/core/dev.c:4321 foo+0x1/0x2",
  "WARNING: possible circular locking dependency detected",
  "BUG: kernel NULL pointer dereference, address: 0000000000000008",
  "BUG: KASAN: slab-use-after-free in ipscsi_xmit+0x1/0x2 [ipscsi]",
  "BUG: sleeping function called from invalid context at mm/slab.h:1",
  "Oops: 0000 [#1] PREEMPT SMP NOPTI",
  "general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
  "INFO: task kworker/0:1:12 blocked for more than 60 seconds.",
  "watchdog: BUG: soft lockup - CPU#0 stuck for 134s! [ip:1]",
  "rcu: INFO: rcu_preempt self-detected stall on CPU",
  "INFO: rcu_sched detected stalls on CPUs/tasks:",
  "unregister_netdevice: waiting for seg0 to become free. Usage count = 2",
  "refcount_t: underflow; use-after-free.",
  "list_del corruption. prev->next should be 1, but was 2",
  "Kernel panic - not syncing: Fatal exception",
  "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
  "UBSAN: array-index-out-of-bounds in kernel/a.c:1:2",
  " Call Trace:",
];

for (const text of BAD) {
  test(`finds: ${text.trim().slice(0, 50)}`, () => {
    assert.is(findComplaints([`[    1.234567] ${text}\r`]).length, 1);
    assert.is(findComplaints([`[    1.234567][   T93] ${text}`]).length, 1);
  });
}

test("passes over what healthy kernels and other programs say", () => {
  const good = [
    "[    1.527073] AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.",
    "[    0.100000] kfence: initialized - using 2097152 bytes for 255 objects",
    "[    3.276317] scsi 2:0:0:0: Communications    LIO-ORG  IPSCSI           1.0 PQ: 0 ANSI: 6",
    '{"level":40,"msg":"WARNING: this is a program, not a kernel"}',
    "BUG: a program's output, without the kernel's time stamp",
  ];
  assert.equal(findComplaints(good), []);
});

test("a stack trace belongs to the complaint before it", () => {
  const lines = [
    "[    1.000000] BUG: unable to handle page fault",
    "[    1.000001] Call Trace:",
    "[    1.000002]  foo+0x1/0x2",
  ];
  const found = findComplaints(lines);
  assert.is(found.length, 1);
  assert.match(found[0]?.context ?? "", /foo\+0x1/);
});

test.run();
