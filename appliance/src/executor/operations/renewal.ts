// SPDX-License-Identifier: Apache-2.0
/**
 * A DHCP client asks again when half of its lease is over, or when its carrier has been away. So where a segment's hosts get their addresses
 * from somewhere else now, the driver takes the carrier from the segment, and so from its hosts, for a moment.
 */
import type { RenewalOperation } from "../../protocol/operations.ts";
import type { Handler } from "../context.ts";
import { Ours } from "../ours.ts";

/** The driver ends GETs that it holds within 250 ms; hosts learn of it then. */
const AWAY_MS = 1000;

/** Noted while the carrier is away: whoever finds it gives it back. */
const AWAY = "";

export const setRenewal: Handler<RenewalOperation> = async ({ segment, from }, context) => {
  const renewals = new Ours(context.paths.run, "renewals");
  const before = await renewals.value(segment);
  if (before === from) return false;
  // A segment without a note is new: its hosts had no carrier until now.
  if (before !== undefined) {
    await renewals.note(segment, AWAY);
    await context.run("ip", ["link", "set", "dev", segment, "carrier", "off"]);
    await new Promise<void>((resolve) => context.clock.after(AWAY_MS, resolve));
    await context.run("ip", ["link", "set", "dev", segment, "carrier", "on"]);
  }
  await renewals.note(segment, from);
  return true;
};
