// SPDX-License-Identifier: Apache-2.0
/** What the configuration wants of an adapter's own settings; what it does not mention stays as the adapter has it. */
import type { AdapterFabric } from "../config/types.ts";
import { SETTINGS_FLAGS, SETTINGS_LAYOUT, SETTINGS_SIZE } from "./messages.ts";

/** As firmware/src/pins/pins.h numbers them. */
const BOARDS = { probe: 0, db25: 1, desktop50: 2 } as const;

/** Whether the configuration says anything about them. */
export function hasSettings({ scsiId, board, heldGets, daynaport }: AdapterFabric): boolean {
  return [scsiId, board, heldGets, daynaport].some((value) => value !== undefined);
}

/**
 * @param present as the adapter has them
 * @returns as it should have them; undefined: they are not of the length that they have to have
 */
export function withSettings(present: Buffer, wanted: AdapterFabric): Buffer | undefined {
  // Later firmware may have more behind what is known here: it stays as it is.
  if (present.length < SETTINGS_SIZE) return undefined;
  const settings = Buffer.from(present);
  const { scsiId, board, heldGets, daynaport } = wanted;
  if (scsiId !== undefined) settings[SETTINGS_LAYOUT.scsiId.at] = scsiId;
  if (board !== undefined) settings[SETTINGS_LAYOUT.board.at] = BOARDS[board];
  if (heldGets !== undefined) setFlag(settings, SETTINGS_FLAGS.HELD_GETS, heldGets);
  if (daynaport !== undefined) {
    setFlag(settings, SETTINGS_FLAGS.DAYNAPORT, daynaport.enabled);
    setFlag(settings, SETTINGS_FLAGS.DAYNA_PAD, daynaport.longRecords);
    settings[SETTINGS_LAYOUT.daynaId.at] = daynaport.scsiId;
  }
  return settings;
}

function setFlag(settings: Buffer, flag: number, on: boolean): void {
  const { at } = SETTINGS_LAYOUT.flags;
  const before = settings[at] ?? 0;
  settings[at] = on ? before | (1 << flag) : before & ~(1 << flag);
}
