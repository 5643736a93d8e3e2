// SPDX-License-Identifier: Apache-2.0
/** Ports that more than one part has to know. */

/** The first that a program without root's rights may listen on: the page's, on a gateway (ip_unprivileged_port_start). */
export const FIRST_UNPRIVILEGED_PORT = 80;

/** VXLAN, UDP (RFC 7348, section 5). */
export const VXLAN_PORT = 4789;

/** SNMP, UDP (RFC 3417). */
export const SNMP_PORT = 161;
