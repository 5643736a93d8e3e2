// SPDX-License-Identifier: Apache-2.0
/** @param host a name or an address, IPv6 without brackets */
export function pageUrl(host: string, httpsPort: number): string {
  const port = httpsPort === 443 ? "" : `:${httpsPort}`;
  return `https://${host.includes(":") ? `[${host}]` : host}${port}/`;
}
