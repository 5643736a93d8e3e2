// SPDX-License-Identifier: Apache-2.0
/** GET /api/v1/system/certificate: the page's certificate. Its key never leaves the gateway. */
export type { Certificate as CertificateInfo } from "../../generated/api.d.ts";
