// SPDX-License-Identifier: Apache-2.0
/** Checks of the way to a station: ping, throughput, capture. */
import { useSignal } from "@preact/signals";
import type { PingResult, StationView, ThroughputResult } from "@scsigate/appliance/api/stations";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import * as format from "../../core/format.ts";
import { measureStation, PING_COUNT, pingStation, THROUGHPUT_SECONDS } from "../../core/stations.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { ProblemNotice } from "../problem.tsx";
import { Capture } from "./capture.tsx";

const words = strings.station;
/** Five pings a second, and the last one's answer. */
const PING_SECONDS = PING_COUNT / 5 + 1;

export function Checks({ view }: { view: StationView }) {
  return (
    <section class="card" aria-labelledby="checks-title" data-testid="station-checks">
      <h2 id="checks-title">{words.checks}</h2>
      <div class="checks-columns">
        <Check<PingResult>
          title={words.ping}
          button={words.pingRun}
          busy={words.pinging}
          seconds={PING_SECONDS}
          testid="ping"
          run={() => pingStation(view)}
        >
          {({ ip, received, sent, loss, min, avg, max }) => (
            <>
              <p>{words.pingResult(ip, received, sent, format.figure(loss))}</p>
              {min !== null && avg !== null && max !== null && (
                <p>{words.pingTimes(format.figure(min), format.figure(avg), format.figure(max))}</p>
              )}
            </>
          )}
        </Check>
        <Check<ThroughputResult>
          title={words.throughput}
          hint={words.throughputHint}
          button={words.throughputRun}
          busy={words.measuring}
          seconds={2 * THROUGHPUT_SECONDS}
          testid="throughput"
          run={() => measureStation(view)}
        >
          {({ toStation, fromStation, retransmits }) => (
            <>
              <p>{words.throughputResult(format.rate(toStation / 8), format.rate(fromStation / 8))}</p>
              {retransmits > 0 && <p>{words.retransmits(format.count(retransmits))}</p>}
            </>
          )}
        </Check>
        <Capture view={view} />
      </div>
    </section>
  );
}

interface CheckProps<T> {
  title: string;
  hint?: string;
  button: string;
  /** Said while it runs. */
  busy: string;
  /** How long it usually takes. */
  seconds: number;
  testid: string;
  run: () => Promise<T>;
  children: (result: T) => ComponentChildren;
}

function Check<T>({ title, hint, button, busy, seconds, testid, run, children }: CheckProps<T>) {
  const action = useAction();
  const result = useSignal<T | undefined>(undefined);
  const start = () =>
    action.run(async () => {
      result.value = undefined;
      result.value = await run();
    });
  return (
    <div class="inner" data-testid={testid}>
      <h3>{title}</h3>
      {hint !== undefined && <p class="small muted">{hint}</p>}
      <button type="button" aria-disabled={action.busy} onClick={() => void start()}>
        {button}
      </button>
      <output class="inner">
        {action.busy && <Progress label={busy} seconds={seconds} />}
        {result.value !== undefined && children(result.value)}
      </output>
      <ProblemNotice problem={action.problem} />
    </div>
  );
}

/** @param seconds how long it usually takes */
function Progress({ label, seconds }: { label: string; seconds: number }) {
  const passed = useSignal(0);
  useEffect(() => {
    const begin = Date.now();
    const timer = setInterval(() => {
      passed.value = (Date.now() - begin) / 1000;
    }, 200);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <p>{label}</p>
      <progress aria-label={label} max={seconds} value={Math.min(seconds, passed.value)} />
    </>
  );
}
