// SPDX-License-Identifier: Apache-2.0
/** Updates of the image as GET /api/v1/update gives them. The web UI imports these types. */
import type { Update } from "../../generated/api.d.ts";

export type {
  Bundle as BundleView,
  Image as ImageView,
  LastUpdate,
  Slot as SlotView,
  Update as UpdateView,
  UpdateProgress,
} from "../../generated/api.d.ts";
export type UpdateState = Update["state"];
