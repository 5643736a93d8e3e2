// SPDX-License-Identifier: Apache-2.0
/** Recording a station's packets: limits, how far it is, the file. */
import { useSignal } from "@preact/signals";
import type { CaptureView, StationView } from "@scsigate/appliance/api/stations";
import { useEffect } from "preact/hooks";
import * as format from "../../core/format.ts";
import { said } from "../../core/said.ts";
import { captureFile, dropCapture, loadCapture, startCapture } from "../../core/stations.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { SelectField } from "../fields.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.station;
const SECONDS = [5, 10, 30, 60];
const SIZES = [250_000, 1_000_000, 4_000_000, 8_000_000];
/** How often it is looked at while one runs, and while none does: somebody else may start one, milliseconds. */
const AGAIN_MS = 1000;
const IDLE_MS = 5000;

export function Capture({ view }: { view: StationView }) {
  const action = useAction();
  // beside it: a button that is pressed while the state is read must not be lost
  const reading = useAction();
  const capture = useSignal<CaptureView | null>(null);
  const seconds = useSignal(SECONDS[1] ?? 0);
  const maxBytes = useSignal(SIZES[1] ?? 0);
  const read = () =>
    reading.poll(async () => {
      capture.value = await loadCapture();
    });
  const running = capture.value?.state === "running";
  useEffect(() => {
    void read();
    const timer = setInterval(() => void read(), running ? AGAIN_MS : IDLE_MS);
    return () => clearInterval(timer);
  }, [running]);
  const act = async (work: () => Promise<void>) => {
    // It is not as it was shown here: somebody else's may be there.
    if (!(await action.run(work))) await read();
  };
  const start = () =>
    act(async () => {
      capture.value = await startCapture(view, { seconds: seconds.value, maxBytes: maxBytes.value });
    });
  const drop = (shown: CaptureView) =>
    act(async () => {
      await dropCapture(shown);
      capture.value = await loadCapture();
    });
  const { value: shown } = capture;
  return (
    <div class="inner" data-testid="capture">
      <h3>{words.capture}</h3>
      <p class="small muted">{words.captureHint}</p>
      <div class="buttons">
        <SelectField
          label={words.captureSeconds}
          value={String(seconds.value)}
          disabled={running}
          options={SECONDS.map((count) => [String(count), words.seconds(count)] as const)}
          onInput={(value) => {
            seconds.value = Number(value);
          }}
        />
        <SelectField
          label={words.captureSize}
          value={String(maxBytes.value)}
          disabled={running}
          options={SIZES.map((count) => [String(count), format.bytes(count)] as const)}
          onInput={(value) => {
            maxBytes.value = Number(value);
          }}
        />
      </div>
      <div class="buttons">
        <button type="button" aria-disabled={running} onClick={() => !running && void start()}>
          {words.captureStart}
        </button>
        {running && shown !== null && (
          <button type="button" onClick={() => void drop(shown)}>
            {words.captureStop}
          </button>
        )}
      </div>
      <output class="inner">
        {shown !== null && <State capture={shown} own={view.address} onDrop={() => void drop(shown)} />}
      </output>
      {running && shown !== null && <Progress capture={shown} />}
      <ProblemNotice problem={action.problem ?? reading.problem} />
    </div>
  );
}

/** Not in what is read out: it is another one each second. */
function Progress({ capture: { packets, bytes, elapsedSeconds, seconds } }: { capture: CaptureView }) {
  return (
    <>
      <p>{words.captureRunning(format.count(packets), format.bytes(bytes), String(Math.floor(elapsedSeconds)))}</p>
      <progress aria-label={words.capture} max={seconds} value={Math.min(seconds, elapsedSeconds)} />
    </>
  );
}

function State({ capture, own, onDrop }: { capture: CaptureView; own: string; onDrop: () => void }) {
  const { address, state, packets, bytes, reason } = capture;
  if (state === "running") return <p>{address === own ? words.captureOwn : words.captureOther(address)}</p>;
  if (address !== own) return null;
  return (
    <>
      <p>
        {state === "failed"
          ? words.captureFailed(said(reason ?? ""))
          : `${words.captureReasons[reason ?? ""] ?? ""} ${words.captureDone(format.count(packets), format.bytes(bytes))}`}
      </p>
      <div class="buttons">
        {bytes > 0 && (
          <a class="button" href={captureFile(capture)} download="">
            {words.captureGet}
          </a>
        )}
        <button type="button" onClick={onDrop}>
          {words.captureDrop}
        </button>
      </div>
    </>
  );
}
