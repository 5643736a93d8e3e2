// SPDX-License-Identifier: Apache-2.0
/** Types of the API's certificate part. */

/** GET /api/v1/system/certificate: the page's certificate. Its key never leaves the gateway. */
export interface CertificateInfo {
  subject: string;
  issuer: string;
  /** Names and addresses that it is good for, as "DNS:gateway.local" or "IP Address:192.168.1.2". */
  names: string[];
  /** ISO 8601. */
  notBefore: string;
  notAfter: string;
  /** By the gateway's clock; negative when it has ended. */
  daysLeft: number;
  /** SHA-256, as browsers show it: hexadecimal pairs with colons. */
  fingerprint: string;
  /** Made by the gateway itself, or by somebody who signed it with its own key. */
  selfSigned: boolean;
  /** Certificates that are sent, this one included. */
  chainLength: number;
}
