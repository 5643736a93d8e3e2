// SPDX-License-Identifier: Apache-2.0
/**
 * When the running image is confirmed. The supervisor runs, so this is asked from within; that the supervisor itself may
 * not come up is the executor's concern, and that the executor may not, the boot loader's.
 *
 * An image that was just installed, beside one that has run well, must do what it was configured to do: nothing may be
 * wrong that an image can be the cause of, unless it was wrong before the update already. An image that has run well
 * before, or that has nothing beside it to go back to, only has to be up: a hub that is switched off must not send a
 * gateway back to an old version, start by start.
 */
import type { Problem, Status } from "../../api/status.ts";
import type { ImageState } from "../../protocol/messages.ts";
import type { ErrorCode } from "../../shared/errors.ts";

/** For so long nothing may stand in the way, milliseconds. */
export const SETTLE_MS = 30_000;

/** What comes from cables, other machines, the disk or the weather: no image is the cause. */
const FROM_OUTSIDE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "adapter-absent",
  "adapter-boot-loader",
  "adapter-broken", // modules that lack are named by the plan that fails as well
  "adapter-old",
  "adapter-silent",
  "adapter-wrong",
  "board-hot",
  "broker-unreachable",
  "certificate-ends",
  "clock-wrong",
  "data-full",
  "data-unwritable",
  "encryption-silent",
  "fleet-refused",
  "fleet-unreachable",
  "gpio-unusable", // a panel, not what the gateway is for
  "lan-no-carrier",
  "lan-no-prefix",
  "lan-router-gone",
  "log-server-unreachable",
  "mesh-peer-unreached",
  "mesh-subnet-taken",
  "name-server-silent",
  "no-free-subnet",
  "reset-storm",
  "route-unusable",
  "station-flapping",
  "stations-gone",
  "stations-unreachable",
  "update-fell-back",
]);

/** @param before codes of what was wrong before the update */
export function standInTheWay({ health }: Status, before: readonly string[]): Problem[] {
  if (health.status === "starting") {
    const nextStep = "Wait; if it takes minutes, look at the log on the console.";
    return [{ code: "operation-failed", message: "the gateway is still being set up", nextStep }];
  }
  return health.reasons.filter(({ code }) => !FROM_OUTSIDE.has(code) && !before.includes(code));
}

/** Whether the running image is on trial. */
export function isOnTrial(image: ImageState): boolean {
  const other = image.slots[image.slot === "A" ? "B" : "A"];
  return !image.slots[image.slot].confirmed && other.confirmed && other.mayStart;
}
