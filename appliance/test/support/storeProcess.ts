// SPDX-License-Identifier: Apache-2.0
/**
 * Makes a change of the configuration and kills itself after so many steps on disk. Arguments: folder, steps, host
 * name.
 */
import { ConfigStore } from "../../src/config/store.ts";
import { type DurableFs, diskFs } from "../../src/shared/durable.ts";

const [folder = "", steps = "0", hostname = ""] = process.argv.slice(2);
let left = Number(steps);

/** The same, but it may be the last thing that this process does not do any more. */
function deadly<A extends unknown[], R>(action: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    if (left === 0) process.kill(process.pid, "SIGKILL");
    left -= 1;
    return action(...args);
  };
}

const { read, list } = diskFs;
const [mkdir, write, sync, rename, remove] = [
  deadly(diskFs.mkdir),
  deadly(diskFs.write),
  deadly(diskFs.sync),
  deadly(diskFs.rename),
  deadly(diskFs.remove),
];
const fs: DurableFs = { read, list, mkdir, write, sync, rename, remove };
const store = new ConfigStore(folder, fs);
await store.open();
await store.stage("change", { version: 1, hostname }, { "/mqtt/password": hostname }, new Date());
await store.commit();
