// SPDX-License-Identifier: Apache-2.0
/** What mode routed asks of the LAN, and the mode that asks nothing. */
import type { SegmentStatus } from "@scsigate/appliance/api";
import { goTo } from "../../core/steps.ts";
import { strings } from "../../strings.ts";
import { routeTo } from "./addresses.ts";

const words = strings.setup;

export function RouteNotice({ segment }: { segment: SegmentStatus | undefined }) {
  const { subnet, via } = routeTo(segment);
  return (
    <section class="notice warn" aria-label={words.route} data-testid="setup-route">
      <p>{words.routeNeeded}</p>
      <p class="mono">{words.routeValue(subnet, via)}</p>
      <p>{words.natInstead}</p>
      <div class="buttons">
        <button type="button" onClick={() => goTo("network")}>
          {words.otherMode}
        </button>
      </div>
    </section>
  );
}
