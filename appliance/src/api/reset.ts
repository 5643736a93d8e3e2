// SPDX-License-Identifier: Apache-2.0
/** Where the page will be after a factory reset: GET /api/v1/factory-reset. */

export interface ResetOutlook {
  /** The Ethernet that will be the LAN, by DHCP; null: none was found, or the machine's own network stays as it is. */
  interface: string | null;
  /** Link-layer address of it, by which the LAN's DHCP server knows it. */
  mac: string | null;
  /** Pages at addresses that it keeps as long as the LAN's DHCP server gives them again. */
  urls: string[];
  /** The page by the name that the gateway will say on the LAN (mDNS); null: by none. */
  localUrl: string | null;
  /** Whether it will be where it was asked from; null where that is no network address. */
  stays: boolean | null;
}
