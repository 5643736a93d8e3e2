// SPDX-License-Identifier: Apache-2.0
// What every gateway of the lab has in common.

/** Its own end of the API, for root on it: no login. */
export const controlSocket = "/run/scsigate/service/control.sock";

/** Succeeds when it does its job. It is asked again and again while it starts: without TLS, and not before there is anybody to ask. */
export const gatewayReady = `test -S ${controlSocket} && curl -sf -m 5 --unix-socket ${controlSocket} -o /dev/null http://gateway/health`;
