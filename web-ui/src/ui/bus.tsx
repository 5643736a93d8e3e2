// SPDX-License-Identifier: Apache-2.0
/** What an adapter of ours says of the bus that it is on. */
import type { BusStatus } from "@scsigate/appliance/api";
import { call } from "../core/api.ts";
import * as format from "../core/format.ts";
import { told } from "../core/said.ts";
import { may } from "../core/session.ts";
import { strings } from "../strings.ts";
import { useAction } from "./action.ts";
import { Fact, Facts, Pill, type Tone } from "./parts.tsx";
import { ProblemNotice } from "./problem.tsx";

const TONES: Partial<Record<BusStatus["state"], Tone>> = { working: "good", starting: "plain" };
/** IDs 0 to 7; the adapter has one of them. */
const IDS = [0, 1, 2, 3, 4, 5, 6, 7];

export function Bus({ segment, bus }: { segment: string; bus: BusStatus }) {
  const id = `bus-${segment}`;
  const words = strings.bus;
  const { state, problem, counters } = bus;
  return (
    <section class="bus" aria-labelledby={id} data-testid={id}>
      <h3 id={id}>
        {words.title} <Pill tone={TONES[state] ?? "bad"}>{words.states[state]}</Pill>
      </h3>
      {problem !== null && <p>{told(problem)}</p>}
      <Facts>
        <Fact name={words.adapter}>
          <span class="mono">{bus.serial}</span>
        </Fact>
        {bus.firmware !== null && <Fact name={words.firmware}>{bus.firmware}</Fact>}
        {bus.scsiId !== null && <Fact name={words.scsiId}>{bus.scsiId}</Fact>}
        {counters !== null && (
          <>
            <Fact name={words.selections}>{selections(counters)}</Fact>
            <Fact name={words.parityErrors}>{format.count(counters["parityErrors"] ?? 0)}</Fact>
            <Fact name={words.resets}>{format.count(counters["resets"] ?? 0)}</Fact>
            <Fact name={words.timeouts}>{format.count(counters["timeouts"] ?? 0)}</Fact>
            <Fact name={words.dropped}>{format.count((counters["upDropped"] ?? 0) + (counters["noRoom"] ?? 0))}</Fact>
          </>
        )}
      </Facts>
      <Firmware segment={segment} bus={bus} />
    </section>
  );
}

/** What came with the gateway, and how far it is on its way onto the adapter. */
function Firmware({ segment, bus: { offered, update } }: { segment: string; bus: BusStatus }) {
  const action = useAction();
  const words = strings.bus;
  const underWay = update?.state === "writing" || update?.state === "restarting";
  const start = () =>
    void action.run(async () => {
      await call("POST", `/api/v1/segments/${encodeURIComponent(segment)}/adapter/update`);
    });
  return (
    <>
      {update !== null && (
        <p role="status">
          {update.state === "writing" ? words.updating.writing(update.percent) : words.updating[update.state]}
        </p>
      )}
      {update !== null && update.problem !== null && <p>{told(update.problem)}</p>}
      {offered !== null && !underWay && may("admin") && (
        <p>
          {words.offered(offered)}{" "}
          <button type="button" aria-disabled={action.busy} onClick={start}>
            {words.update}
          </button>
        </p>
      )}
      {action.problem !== undefined && <ProblemNotice problem={action.problem} />}
    </>
  );
}

/** Of the initiators that have selected it, by their IDs. */
function selections(counters: Record<string, number>): string {
  const known = IDS.map((id) => [strings.bus.id(id), counters[`selections${id}`] ?? 0] as const);
  const all = [...known, [strings.bus.noId, counters["selectionsNoId"] ?? 0] as const];
  const seen = all.filter(([, count]) => count > 0).map(([name, count]) => `${name}: ${format.count(count)}`);
  return seen.join(", ") || strings.bus.none;
}
