// SPDX-License-Identifier: Apache-2.0
/** The page Overview: what needs attention, the map, the figures, the stations. */
import { href } from "../core/router.ts";
import { session, status } from "../core/store.ts";
import { strings } from "../strings.ts";
import { Attention } from "./attention.tsx";
import { Cards } from "./cards.tsx";
import { NetworkMap } from "./map.tsx";
import { PageTitle } from "./parts.tsx";
import { Segment } from "./segments.tsx";

export function Overview() {
  const current = status.value;
  return (
    <>
      <PageTitle>{strings.pages.overview}</PageTitle>
      {session.value?.setupNeeded && (
        <div class="notice warn" data-testid="setup-banner">
          <p>{strings.setup.banner}</p>
          <a class="button main" href={href("setup")}>
            {strings.setup.start}
          </a>
        </div>
      )}
      {current === undefined ? (
        <p class="empty">{strings.loading}</p>
      ) : (
        <>
          <Attention status={current} />
          <NetworkMap status={current} />
          <Cards status={current} />
          <div id="segments">
            {current.segments.map((segment) => (
              <Segment key={segment.name} segment={segment} />
            ))}
          </div>
        </>
      )}
    </>
  );
}
