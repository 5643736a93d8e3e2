// SPDX-License-Identifier: Apache-2.0
/** The page of a segment: its figures, charts, stations and the driver's counters. */
import { href, pageArguments } from "../../core/router.ts";
import { status } from "../../core/store.ts";
import { strings } from "../../strings.ts";
import { PageTitle } from "../parts.tsx";
import { Segment } from "../segments.tsx";
import { Counters } from "./counters.tsx";
import { History } from "./history.tsx";

export function SegmentPage() {
  const [name = ""] = pageArguments.value;
  const segment = status.value?.segments.find((one) => one.name === name);
  return (
    <>
      <PageTitle>{strings.segment.title(name)}</PageTitle>
      <p>
        <a href={href("stations")}>{strings.station.back}</a>
      </p>
      {status.value === undefined ? (
        <p class="empty">{strings.loading}</p>
      ) : segment === undefined ? (
        <p class="notice warn">{strings.segmentPage.unknown(name)}</p>
      ) : (
        <>
          <Segment segment={segment} />
          <History segment={name} />
          <Counters counters={segment.driver} />
        </>
      )}
    </>
  );
}
