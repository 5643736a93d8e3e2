// SPDX-License-Identifier: Apache-2.0
/** Updates of the image as GET /api/v1/update gives them. The web UI imports these types. */
import type { Problem } from "../shared/errors.ts";

export type UpdateState =
  | "idle"
  | "receiving"
  | "checking"
  /** A bundle was received and is good. */
  | "ready"
  | "installing"
  /** The other slot is started next. */
  | "ready-to-restart"
  | "failed";

export interface SlotView {
  name: "A" | "B";
  /** Of the image in it; null while unknown, or nothing whole is in it. */
  version: string | null;
  /** Whether the boot loader may start it. */
  mayStart: boolean;
  /** Whether it has run well since it was written. */
  confirmed: boolean;
}

export interface ImageView {
  board: string;
  compatible: string;
  running: SlotView;
  other: SlotView;
  /** What keeps the running image from being confirmed; empty when nothing does, or it is. */
  waitingFor: Problem[];
}

export interface BundleView {
  /** File, or URL without its password. */
  source: string;
  version: string;
  description: string;
  build: string;
  /** Why it is refused unless that is allowed knowingly: it is not newer than what runs. */
  downgrade: Problem | null;
}

export interface UpdateProgress {
  /** Bytes that are there, or null while it is installed. */
  bytes: number | null;
  totalBytes: number | null;
  /** 0 to 100; null while the size is unknown. */
  percent: number | null;
  /** What is done. */
  step: string;
}

export type UpdateResult =
  | "installing"
  | "installed"
  | "confirmed"
  | "failed"
  /** It did not start; the image before it runs again. */
  | "fell-back";

/** The last update, or the last time that somebody went back. */
export interface LastUpdate {
  kind: "update" | "back";
  result: UpdateResult;
  /** ISO 8601, by the gateway's clock. */
  time: string;
  from: { slot: "A" | "B"; version: string | null };
  to: { slot: "A" | "B"; version: string | null };
  problem: Problem | null;
}

export interface UpdateView {
  /** Null: this machine does not run the image, and is updated in another way. */
  image: ImageView | null;
  state: UpdateState;
  progress: UpdateProgress | null;
  bundle: BundleView | null;
  /** Why it failed, or that there is no image. */
  problem: Problem | null;
  last: LastUpdate | null;
}
