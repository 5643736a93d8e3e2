// SPDX-License-Identifier: Apache-2.0
/** WireGuard's public keys, as the configuration and the executor take them. */

/** 32 bytes in base64: the last digit has two bits that say nothing. */
export const PUBLIC_KEY_PATTERN = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";
