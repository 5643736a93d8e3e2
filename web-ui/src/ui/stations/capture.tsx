// SPDX-License-Identifier: Apache-2.0
/** Recording a station's packets: limits, how far it is, the file. */
import { useSignal } from "@preact/signals";
import type { CaptureView, StationView } from "@scsigate/appliance/api/stations";
import { useEffect } from "preact/hooks";
import * as format from "../../core/format.ts";
import { dropCapture, loadCapture, startCapture } from "../../core/stations.ts";
import { strings } from "../../strings.ts";
import { useAction } from "../action.ts";
import { SelectField } from "../fields.tsx";
import { ProblemNotice } from "../problem.tsx";

const words = strings.station;
const SECONDS = [5, 10, 30, 60];
const SIZES = [250_000, 1_000_000, 4_000_000, 8_000_000];
const AGAIN_MS = 1000;

export function Capture({ view }: { view: StationView }) {
  const action = useAction();
  // beside it: a button that is pressed while the state is read must not be lost
  const reading = useAction();
  const capture = useSignal<CaptureView | null>(null);
  const seconds = useSignal(SECONDS[1] ?? 0);
  const maxBytes = useSignal(SIZES[1] ?? 0);
  const read = () =>
    reading.run(async () => {
      capture.value = await loadCapture();
    });
  const running = capture.value?.state === "running";
  useEffect(() => {
    void read();
    if (!running) return;
    const timer = setInterval(() => void read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [running]);
  const start = () =>
    action.run(async () => {
      capture.value = await startCapture(view, { seconds: seconds.value, maxBytes: maxBytes.value });
    });
  const drop = () =>
    action.run(async () => {
      await dropCapture();
      capture.value = await loadCapture();
    });
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
        <button type="button" disabled={running} onClick={() => void start()}>
          {words.captureStart}
        </button>
        {running && (
          <button type="button" onClick={() => void drop()}>
            {words.captureStop}
          </button>
        )}
      </div>
      <output class="inner">
        {capture.value !== null && <Shown capture={capture.value} own={view.address} onDrop={() => void drop()} />}
      </output>
      <ProblemNotice problem={action.problem ?? reading.problem} />
    </div>
  );
}

function Shown({ capture, own, onDrop }: { capture: CaptureView; own: string; onDrop: () => void }) {
  const { address, state, packets, bytes, elapsedSeconds, seconds, reason } = capture;
  const count = format.count(packets);
  const size = format.bytes(bytes);
  if (state === "running") {
    const label = words.captureRunning(count, size, String(Math.floor(elapsedSeconds)));
    return (
      <>
        {address !== own && <p>{words.captureOther(address)}</p>}
        <p>{label}</p>
        <progress aria-label={words.capture} max={seconds} value={Math.min(seconds, elapsedSeconds)} />
      </>
    );
  }
  if (address !== own) return null;
  return (
    <>
      <p>
        {state === "failed"
          ? words.captureFailed(reason ?? "")
          : `${words.captureReasons[reason ?? ""] ?? ""} ${words.captureDone(count, size)}`}
      </p>
      <div class="buttons">
        {bytes > 0 && (
          <a class="button" href="/api/v1/capture/file" download="">
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
