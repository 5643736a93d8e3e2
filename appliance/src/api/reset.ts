// SPDX-License-Identifier: Apache-2.0
/** Where the page will be after a factory reset: GET /api/v1/factory-reset. */
export type { ResetOutlook } from "../../generated/api.d.ts";
