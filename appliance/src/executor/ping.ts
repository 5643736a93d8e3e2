// SPDX-License-Identifier: Apache-2.0
/** Echo requests: sending them takes a right that the service has not. */
import type { PingReply, RefusedReply, RequestOf } from "../protocol/messages.ts";
import { toProblem } from "../shared/errors.ts";
import type { ExecutorContext } from "./context.ts";

/** How long an answer may take, seconds. */
const PATIENCE = 1;

export async function ping(
  { id, ip, count }: RequestOf<"ping">,
  { run }: ExecutorContext,
): Promise<PingReply | RefusedReply> {
  try {
    const args = ["-n", "-q", "-i", "0.2", "-W", String(PATIENCE), "-c", String(count), ip];
    // 1: nothing came back, which is an answer as well.
    const text = await run("ping", args, { mayExitWith: [1], timeoutMs: 8000 + 1000 * count });
    return { type: "ping", id, text };
  } catch (error) {
    return { type: "refused", id, problem: toProblem(error) };
  }
}
