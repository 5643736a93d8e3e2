// SPDX-License-Identifier: Apache-2.0
/** The first station is here: whether it reaches the LAN, and what to do where it does not. */
import { useSignal } from "@preact/signals";
import type { SegmentStatus } from "@scsigate/appliance/api";
import type { Diagnosis } from "@scsigate/appliance/api/diagnosis";
import { useEffect } from "preact/hooks";
import { call } from "../../core/api.ts";
import { status } from "../../core/store.ts";
import { wayOf } from "../../core/way.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { Checks } from "../checks.tsx";
import { ProblemNotice } from "../problem.tsx";
import { RouteNotice } from "./routeNotice.tsx";

const words = strings.setup;
/** Between two looks, milliseconds. */
const AGAIN_MS = 4000;

export function Arrival({ segment, name }: { segment: SegmentStatus; name: string }) {
  const found = useSignal<Diagnosis | undefined>(undefined);
  const action = useAction();
  useEffect(() => {
    const look = () =>
      void action.poll(async () => {
        found.value = (await call<Diagnosis>("GET", "/api/v1/diagnosis")).value;
      });
    look();
    const timer = setInterval(look, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const way = found.value && wayOf(found.value, segment.name);
  const routed = status.value?.mode === "routed";
  return (
    <>
      <div aria-live="polite" data-testid="setup-way">
        {way === undefined && <p class="waiting">{words.testing(name)}</p>}
        {way?.reached === false && <p class="notice warn">{words.unreached(name)}</p>}
        {way?.reached && routed && <p>{words.reachedRouted(name)}</p>}
        {way?.reached && !routed && (
          <p class="arrived">
            <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
              <circle cx="16" cy="16" r="14" />
              <path d="M9 17L14 22L23 11" />
            </svg>
            {words.arrived(name)}
          </p>
        )}
      </div>
      {way?.reached && routed && <RouteNotice segment={segment} />}
      {way !== undefined && way.findings.length > 0 && <Checks checks={way.findings} label={words.way} />}
      <ProblemNotice problem={action.problem} />
    </>
  );
}
