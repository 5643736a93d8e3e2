// SPDX-License-Identifier: Apache-2.0
/** DHCP and DNS of a segment, as tests ask for it. */
import type { DnsmasqOperation } from "../../src/protocol/operations.ts";

export const DNSMASQ: DnsmasqOperation = {
  kind: "dnsmasq",
  segment: "seg0",
  running: true,
  address: "10.143.0.1/24",
  range: ["10.143.0.16", "10.143.0.254"],
  leaseSeconds: 3600,
  hostname: "gateway",
  timeServer: true,
};
